"""The site, built once for all tests of it, with warnings as errors, and its pages in Chromium."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from luasocket_runners.cli.main import main
from selenium.webdriver.support.wait import WebDriverWait

#: Seconds that the browser may take for what takes it milliseconds: a busy machine is no fault of the page.
PATIENCE = 60


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the built site."""
    out = tmp_path_factory.mktemp("site")
    assert main(["docs", str(out)]) == 0
    return out


@pytest.fixture
def show(browser: Any, site: Path) -> Iterator[Callable[[str], Any]]:
    """Opens a page of the site. At the end, nothing may have been asked for but files of the site."""

    def open_page(name: str) -> Any:
        browser.get((site / f"{name}.html").as_uri())
        return browser

    browser.set_window_size(1280, 1000)
    yield open_page
    loaded = browser.execute_script("return performance.getEntriesByType('resource').map(entry => entry.name)")
    assert [url for url in loaded if not url.startswith((site.as_uri(), "data:", "blob:"))] == []
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


@pytest.fixture
def until() -> Callable[[Any, Callable[[], Any]], Any]:
    """Waits until a condition holds, and returns its value."""
    return lambda browser, condition: WebDriverWait(browser, PATIENCE).until(lambda _: condition())
