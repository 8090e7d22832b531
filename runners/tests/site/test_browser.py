"""Tests the site in Chromium: search, requests, a narrow screen, dark mode, and the keyboard alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

PAGES = (
    "index",
    "functions/client-receive",
    "functions/tcp-setoption",
    "ports/index",
    "topics/timeouts",
    "questions",
    "releases",
)

Browser = Any  # of `runners/tests/conftest.py`, which cannot be imported
Until = Callable[[Browser, Callable[[], Any]], Any]


def test_the_search_finds_receive_timeout(show: Callable[[str], Browser], until: Until) -> None:
    browser = show("index")
    field = browser.find_element(By.CSS_SELECTOR, "input[name=q]")
    field.send_keys("receive timeout", Keys.ENTER)
    links = until(browser, lambda: browser.find_elements(By.CSS_SELECTOR, "#search-results li a"))
    until(browser, lambda: "finished" in browser.find_element(By.ID, "search-results").text.lower())
    links = browser.find_elements(By.CSS_SELECTOR, "#search-results li a")
    found = [link.get_attribute("href").partition("?")[0] for link in links[:10]]
    assert any("functions/client-receive.html" in url or "topics/timeouts.html" in url for url in found), found
    links[0].click()
    until(browser, lambda: browser.find_elements(By.CSS_SELECTOR, "article h1"))


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_no_wider_than_a_phone(show: Callable[[str], Browser], name: str) -> None:
    browser = show(name)
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}
    )
    try:
        browser.refresh()
        wide, screen = browser.execute_script("return [document.documentElement.scrollWidth, window.innerWidth]")
        assert wide <= screen
        for table in browser.find_elements(By.CSS_SELECTOR, "article table")[:5]:
            box = browser.execute_script("return arguments[0].closest('.table-wrapper').clientWidth", table)
            assert box <= screen  # a wide table scrolls in its box
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.parametrize("name", PAGES[:3])
def test_a_page_is_dark_where_the_system_is(show: Callable[[str], Browser], name: str) -> None:
    browser = show(name)

    def brightness(style: str, selector: str) -> float:
        script = f"return getComputedStyle(document.querySelector('{selector}')).{style}"
        numbers = [float(part) for part in browser.execute_script(script).partition("(")[2].rstrip(")").split(",")]
        return sum(numbers[:3]) / 3

    for scheme in ("light", "dark"):
        feature = {"name": "prefers-color-scheme", "value": scheme}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        background, text = brightness("backgroundColor", "body"), brightness("color", "article p")
        assert abs(background - text) > 100, "the text can be read"
        assert (background < 100) == (scheme == "dark")


def test_the_keyboard_reaches_the_search_and_a_mark(show: Callable[[str], Browser], until: Until) -> None:
    browser = show("functions/client-receive")
    focused = "return document.activeElement.matches(arguments[0])"
    body = browser.find_element(By.TAG_NAME, "body")
    body.send_keys(Keys.TAB)
    for _ in range(400):
        if browser.execute_script(focused, "input[name=q]"):
            break
        browser.switch_to.active_element.send_keys(Keys.TAB)
    assert browser.execute_script(focused, "input[name=q]")
    mark = browser.find_element(By.CSS_SELECTOR, "a.mark[href*='#p-']")
    browser.execute_script("arguments[0].focus()", mark)
    assert browser.execute_script(focused, "a.mark")
    outline = browser.execute_script("return getComputedStyle(arguments[0]).outlineStyle", mark)
    assert outline != "none", "the focus can be seen"
    mark.send_keys(Keys.ENTER)
    until(browser, lambda: "/ports/" in browser.current_url)
    assert browser.find_element(By.CSS_SELECTOR, "article h1").text


def test_a_mark_explains_itself(show: Callable[[str], Browser]) -> None:
    browser = show("functions/client-receive")
    titles = [mark.get_attribute("title") for mark in browser.find_elements(By.CSS_SELECTOR, "a.mark")]
    assert "LuaSocket in texlua: send and receive return a fourth value, the seconds that the call took." in titles
    assert all(titles)
