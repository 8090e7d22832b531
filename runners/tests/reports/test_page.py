"""The HTML page in a browser: filters, search, links, and hostile output that stays text.

The fixture `browser` is in `runners/tests/conftest.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from luasocket_runners.quirks import Quirk, Quirks
from luasocket_runners.reports import Report, join, page
from luasocket_runners.result import Result, Verdict
from luasocket_spec.model import Behaviour, Returns, Source
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

#: Seconds that the browser may take for what takes it milliseconds: a busy machine is no fault of the page.
PATIENCE = 30

BEHAVIOURS = 2300
PORTS = 10


Browser = Any  # of `runners/tests/conftest.py`, which cannot be imported


@pytest.fixture
def show(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Browser]]:
    """Opens the page of some reports. At the end, the browser must have had nothing to complain of."""

    def open_page(*reports: Report, link: str = "") -> Browser:
        file = tmp_path / "report.html"
        file.write_text(page.render(join(reports)), encoding="utf-8")
        browser.get("about:blank")  # another fragment of the same page would not load it again
        browser.get(f"file://{file}{link}")
        return browser

    browser.complaints()  # of the test before
    yield open_page
    assert browser.complaints() == []


def shown(browser: Browser) -> list[str]:
    """The ids of the behaviours that can be seen."""
    found = browser.find_elements(By.CSS_SELECTOR, ".subject[open] > .behaviour")
    return [str(element.get_attribute("id")) for element in found]


def text_of(browser: Browser, selector: str) -> str:
    return browser.find_element(By.CSS_SELECTOR, selector).text


def until(browser: Browser, condition: Callable[[], Any]) -> None:
    WebDriverWait(browser, PATIENCE).until(lambda _: condition())


def press(browser: Browser, verdict: str) -> None:
    browser.find_element(By.CSS_SELECTOR, f"#filters .{verdict}").click()


def type_in(browser: Browser, words: str) -> None:
    field = browser.find_element(By.ID, "search")
    field.clear()
    field.send_keys(words)


def processor_time(browser: Browser) -> float:
    """The seconds for which the main thread of the page has had the processor."""
    metrics = browser.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
    return next(float(one["value"]) for one in metrics if one["name"] == "ThreadTime")


def test_the_page_describes_the_run(
    show: Callable[..., Browser], report: Callable[..., Report], results: list[Result]
) -> None:
    browser = show(report(results))
    assert browser.title == "toy: Conformance to the LuaSocket API"
    assert text_of(browser, "#about") == "toy: fails: 3 undeclared failures. Specification 1.0.0."
    card = text_of(browser, ".port")
    assert card.startswith(
        "toy\nfails\nToy 1 Lua 5.4\nfails: 3 undeclared failures\n2 passed\n1 failed\n1 not implemented\n1 errored\n"
    )
    assert "2 known deviation (1 not explained)" in card
    assert text_of(browser, "#shown") == "9 behaviours in 2 subjects"
    subjects = [element.text for element in browser.find_elements(By.CSS_SELECTOR, ".subject > summary")]
    assert subjects == ["tcp/receive\nclient:receive\n1 fails, 6", "dns\nclient:receive\n2 fail, 3"]


def test_the_page_filters_by_verdict(
    show: Callable[..., Browser], report: Callable[..., Report], results: list[Result]
) -> None:
    browser = show(report(results))
    assert shown(browser) == []
    press(browser, "failed")
    assert shown(browser) == ["tcp/receive/partial"]
    assert text_of(browser, "#shown") == "1 of 9 behaviours"
    press(browser, "not-implemented")
    assert shown(browser) == ["tcp/receive/partial", "dns/absent"]
    press(browser, "failed")
    assert shown(browser) == ["dns/absent"]
    press(browser, "not-implemented")
    assert shown(browser) == []
    assert text_of(browser, "#shown") == "9 behaviours in 2 subjects"


def test_the_page_filters_by_the_verdict_of_one_port(
    show: Callable[..., Browser], report: Callable[..., Report], results: list[Result]
) -> None:
    fine = [replace(result, verdict=Verdict.PASSED, reason="", listed=None) for result in results]
    browser = show(report(results, port="bad"), report(fine, port="good"))
    press(browser, "failed")
    assert shown(browser) == ["tcp/receive/partial"]
    browser.find_element(By.CSS_SELECTOR, "#port option[value='1']").click()
    until(browser, lambda: text_of(browser, "#shown") == "No behaviour matches.")
    assert shown(browser) == []


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("now-and-then", ["tcp/receive/now-and-then"]),
        ("NEEDS ipv6", ["dns/six"]),
        ("toip", ["dns/absent"]),  # in the reason
        ("issues/12", ["tcp/receive/known"]),  # in the known deviation's
        ("observed", ["dns/odd"]),
        ('*l") values', ["tcp/receive/partial", "tcp/receive/known", "tcp/receive/new"]),
    ],
)
def test_the_page_can_be_searched(
    show: Callable[..., Browser],
    report: Callable[..., Report],
    results: list[Result],
    words: str,
    found: list[str],
) -> None:
    browser = show(report(results))
    type_in(browser, words)
    until(browser, lambda: text_of(browser, "#shown").startswith(f"{len(found)} of 9"))
    assert shown(browser) == found


def test_entries_open_by_the_keyboard_and_show_everything(
    show: Callable[..., Browser], report: Callable[..., Report], results: list[Result]
) -> None:
    browser = show(report(results))
    browser.find_element(By.CSS_SELECTOR, ".subject > summary").send_keys(Keys.ENTER)
    until(browser, lambda: shown(browser))
    browser.find_element(By.CSS_SELECTOR, "[id='tcp/receive/partial'] > summary").send_keys(Keys.SPACE)
    until(browser, lambda: browser.find_elements(By.CLASS_NAME, "entry"))
    assert text_of(browser, ".entry .call") == 'client:receive("*l")'
    assert [side.text for side in browser.find_elements(By.CSS_SELECTOR, ".sides > div")] == [
        'expected\nnil, "timeout", "hel"',
        'returned\nnil, "timeout"',
    ]
    entry = text_of(browser, ".entry")
    assert "failed on toy" in entry
    assert "2 values instead of 3" in entry
    assert "hint\nKeep what has arrived." in entry
    assert "covers\nclient:receive/timeout, client:receive/partial" in entry
    browser.find_element(By.CSS_SELECTOR, ".lua > summary").send_keys(Keys.ENTER)
    until(browser, lambda: browser.find_elements(By.CSS_SELECTOR, ".lua pre"))
    assert text_of(browser, ".lua pre").startswith("-- tcp/receive/partial (documented: ")


@pytest.mark.parametrize(
    ("returned", "side"),
    [('error: "oops"', 'raised\n"oops"'), ("seen: the connection\nstayed open", "seen\nthe connection\nstayed open")],
)
def test_an_observation_has_its_own_heading(
    show: Callable[..., Browser], report: Callable[..., Report], results: list[Result], returned: str, side: str
) -> None:
    browser = show(report([replace(results[0], returned=returned)]), link="#tcp/receive/partial")
    assert text_of(browser, ".sides .failed") == side


def test_a_known_deviation_shows_its_reason_with_its_link(
    show: Callable[..., Browser], report: Callable[..., Report], results: list[Result]
) -> None:
    browser = show(report(results), link="#tcp/receive/known")
    assert text_of(browser, ".note") == ("Known deviation: It is old, https://example.org/issues/12. (known.txt:3)")
    assert browser.find_element(By.CSS_SELECTOR, ".note a").get_attribute("href") == "https://example.org/issues/12"


def test_an_unexplained_deviation_is_marked(
    show: Callable[..., Browser], report: Callable[..., Report], results: list[Result]
) -> None:
    browser = show(report(results), link="#tcp/receive/new")
    assert text_of(browser, ".note.unexplained") == "Not explained yet: 2 values instead of 3 (known.txt:4)"


def test_a_link_opens_its_entry(
    show: Callable[..., Browser], report: Callable[..., Report], results: list[Result]
) -> None:
    browser = show(report(results), link="#dns/six")
    opened = [element.get_attribute("id") for element in browser.find_elements(By.CSS_SELECTOR, ".behaviour[open]")]
    assert opened == ["dns/six"]
    assert "needs ipv6, which is not available" in text_of(browser, ".entry")
    assert browser.execute_script("return document.activeElement.parentElement.id") == "dns/six"
    # one that is filtered out is shown all the same
    press(browser, "failed")
    browser.execute_script("location.hash = '#tcp/receive/line'")
    until(browser, lambda: browser.find_elements(By.CSS_SELECTOR, "[id='tcp/receive/line'][open] .entry"))
    assert text_of(browser, "#shown") == "9 behaviours in 2 subjects"


def test_broken_links_are_ignored(
    show: Callable[..., Browser], report: Callable[..., Report], results: list[Result]
) -> None:
    for link in ("#nothing", "#%", "#__proto__", "#search"):
        assert shown(show(report(results), link=link)) == []


def test_several_runs_are_shown_side_by_side(
    show: Callable[..., Browser], report: Callable[..., Report], results: list[Result]
) -> None:
    other = replace(results[0], returned="nil")
    browser = show(
        report(results, port="one"), report([other], port="two", spec="1.1.0"), report(results, port="three"),
        link="#tcp/receive/partial",
    )  # fmt: skip
    assert "different versions of the specification: 1.0.0, 1.1.0." in text_of(browser, "#about")
    headings = [element.text for element in browser.find_elements(By.CSS_SELECTOR, ".entry section h3")]
    assert headings == ["failed on one (0 ms); three (0 ms)", "failed on two (0 ms)"]
    cells = browser.find_elements(By.CSS_SELECTOR, "[id='tcp/receive/line'] > summary .cell")
    assert [cell.get_attribute("title") for cell in cells] == ["one: passed", "two: not run", "three: passed"]


def test_hostile_output_stays_text(
    show: Callable[..., Browser], report: Callable[..., Report], results: list[Result], hostile: str
) -> None:
    listed = results[3].listed
    assert listed is not None
    wild = hostile.replace("\udcff", "")
    result = replace(
        results[0],
        reason=wild, call=wild, expected=wild, returned=wild, printed=wild, note=wild, fixture=wild,
        listed=replace(listed, reason=wild + " javascript:alert(1)", file=wild),
        behaviour=replace(results[0].behaviour, says=wild, hint=wild),
    )  # fmt: skip
    saved = report([result, *results[1:]], port=wild, description={"name": wild, "version": wild, "runtime": wild})
    text = page.render(join([saved]))
    assert text.count("<script") == text.count("</script>") == 2
    browser = show(saved, saved, link="#tcp/receive/partial")
    assert browser.title == "Conformance to the LuaSocket API"
    assert browser.execute_script("return document.scripts.length") == 2
    assert browser.find_elements(By.CSS_SELECTOR, "img, iframe, object, [onerror], [onclick]") == []
    returned = browser.find_element(By.CSS_SELECTOR, ".sides .failed pre").get_property("textContent")
    assert returned == wild
    hrefs = [element.get_attribute("href") for element in browser.find_elements(By.CSS_SELECTOR, ".note a")]
    assert hrefs == ["https://evil.example/"]


def test_only_the_script_of_the_page_may_run(
    browser: Browser, report: Callable[..., Report], results: list[Result], tmp_path: Path
) -> None:
    file = tmp_path / "report.html"
    text = page.render(join([report(results)]))
    file.write_text(text.replace("</footer>", "</footer><script>document.title='owned'</script>"), encoding="utf-8")
    browser.get(f"file://{file}")
    assert browser.title == "toy: Conformance to the LuaSocket API"
    assert "Content Security Policy" in json.dumps(browser.complaints())


def test_causes_come_first_and_show_their_behaviours(
    show: Callable[..., Browser], report: Callable[..., Report], results: list[Result]
) -> None:
    browser = show(report(results))
    causes = [element.text for element in browser.find_elements(By.CSS_SELECTOR, "#triage li")]
    assert causes == [
        "1 2 values instead of 3",
        "1 no port is free",
        "1 there is no socket.dns.toip is not implemented",
    ]
    browser.find_element(By.CSS_SELECTOR, "#triage li:nth-child(3) button").click()
    assert shown(browser) == ["dns/absent"]
    assert text_of(browser, "#kept").startswith("toy: there is no socket.dns.toip is not implemented")
    browser.find_element(By.CSS_SELECTOR, "#kept button").click()
    assert text_of(browser, "#shown") == "9 behaviours in 2 subjects"


def test_quirks_show_the_behaviours_that_needed_them(
    show: Callable[..., Browser], report: Callable[..., Report], results: list[Result]
) -> None:
    quirk = Quirk(
        "four-values", "It returns a fourth value.", "https://example.org/4", (":receive",), None, None, None,
        Returns(()), True, Source("quirks.yaml", 3),
    )  # fmt: skip
    needed = replace(results[1], verdict=Verdict.QUIRKS, quirks=("four-values",))
    made = report([results[2], needed])
    made = Report.of(made.run, [results[2], needed], Quirks("quirks.yaml", (quirk,)))
    browser = show(made)
    assert text_of(browser, "#about") == "toy: as declared: 1 quirk. Specification 1.0.0."
    browser.find_element(By.CSS_SELECTOR, "#triage summary").click()
    assert text_of(browser, "#triage li") == "1 It returns a fourth value. https://example.org/4"
    browser.find_element(By.CSS_SELECTOR, "#triage li button").click()
    assert shown(browser) == ["tcp/receive/line"]


def test_a_thousand_failures_are_drawn_on_demand(
    browser: Browser,
    show: Callable[..., Browser],
    report: Callable[..., Report],
    results: list[Result],
    behaviour: Callable[..., Behaviour],
) -> None:
    many = [
        replace(results[0], behaviour=behaviour(f"s{number // 50}/{number}", subject=f"s{number // 50}"))
        for number in range(1000)
    ]
    browser.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})
    browser.get("about:blank")
    began = processor_time(browser)
    show(report(many))
    assert processor_time(browser) - began < 1  # other programs do not matter: it takes a tenth of that
    assert browser.execute_script("return document.querySelectorAll('*').length") < 500
    assert text_of(browser, "#triage li") == "1000 2 values instead of 3"
    browser.find_element(By.CSS_SELECTOR, "#triage li button").click()
    assert text_of(browser, "#shown") == "1000 of 1000 behaviours"
    assert browser.execute_script("return document.querySelectorAll('.behaviour').length") < 200


def test_thousands_of_behaviours_on_many_ports(
    show: Callable[..., Browser],
    report: Callable[..., Report],
    results: list[Result],
    behaviour: Callable[..., Behaviour],
) -> None:
    many = [
        replace(results[number % 9], behaviour=behaviour(f"s{number // 50}/{number}", subject=f"s{number // 50}"))
        for number in range(BEHAVIOURS)
    ]
    browser = show(*(report(many, port=f"port{number}") for number in range(PORTS)))
    assert text_of(browser, "#shown") == f"{BEHAVIOURS} behaviours in {BEHAVIOURS // 50} subjects"
    # it is drawn as it is opened
    assert browser.execute_script("return document.querySelectorAll('*').length") < 3000
    press(browser, "passed")
    assert browser.execute_script("return document.querySelectorAll('.behaviour').length") < 200
    passed = sum(result.verdict is Verdict.PASSED for result in many)
    assert text_of(browser, "#shown") == f"{passed} of {BEHAVIOURS} behaviours"
    browser.execute_script("location.hash = '#s45/2299'")
    until(browser, lambda: browser.find_elements(By.CSS_SELECTOR, "[id='s45/2299'][open] .entry"))


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_the_page_fits_its_width(
    show: Callable[..., Browser], report: Callable[..., Report], results: list[Result], width: int
) -> None:
    reports = [report(results, port="command:./a-port-with-a-long-name --and-a-flag") for _ in range(PORTS)]
    metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 1000}
    browser = show(*reports, link="#tcp/receive/partial")
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        browser.execute_script("document.querySelector('.lua').open = true")
        until(browser, lambda: browser.execute_script("return innerWidth") == width)
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
