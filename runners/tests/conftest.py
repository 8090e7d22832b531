"""Fixtures for all tests of this package.

They make specifications of a few lines of YAML and ports of a few lines of Python, and check that a test leaves no
descriptor and no thread behind.
"""

from __future__ import annotations

import gc
import os
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import luasocket_spec
import pytest
from luasocket_runners.ports import reaper
from luasocket_runners.ports.inprocess import PythonPort
from luasocket_runners.testing import ToyApi
from luasocket_spec.model import Behaviour, Spec
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.remote_connection import ChromeRemoteConnection

STATEMENTS = """\
about: A statement for behaviours of the tests to cover.
statements:
  test/statement: It is so.
"""

#: A fixture whose set-up fails on every port.
BROKEN_FIXTURE = """
  broken fixture:
    says: An object that cannot be created.
    steps:
      - {call: socket.skip, with: [0, null, broken], succeeds: true, as: self}
"""


@pytest.fixture(autouse=True)
def not_on_github(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps the command from printing annotations when the tests themselves run in GitHub Actions."""
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True, scope="session")
def interruptible() -> Iterator[None]:
    """Lets Ctrl-C reach the processes of tests, also where a shell has started pytest in the background, without it."""
    former = signal.getsignal(signal.SIGINT)
    if former is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, former)


@pytest.fixture
def toy_port() -> Callable[..., PythonPort]:
    """Makes a port of functions that are given by name."""
    return lambda **functions: PythonPort("toy", lambda: ToyApi(**functions))


@pytest.fixture
def make_data(tmp_path: Path) -> Callable[[str], Path]:
    """Makes a data directory of the shipped fixtures and one file of behaviours, ``test.yaml``."""

    def make(text: str) -> Path:
        data = tmp_path / "data"
        (data / "behaviours").mkdir(parents=True)
        (data / "statements").mkdir()
        (data / "behaviours" / "test.yaml").write_text(text, encoding="utf-8")
        (data / "statements" / "test.yaml").write_text(STATEMENTS, encoding="utf-8")
        shipped = Path(luasocket_spec.__file__).with_name("fixtures.yaml")
        shutil.copyfile(shipped, data / "fixtures.yaml")
        with (data / "fixtures.yaml").open("a", encoding="utf-8") as fixtures:
            fixtures.write(BROKEN_FIXTURE)
        return data

    return make


@pytest.fixture
def load(make_data: Callable[[str], Path]) -> Callable[[str], Spec]:
    """Loads a file of behaviours."""
    return lambda text: luasocket_spec.load(make_data(text))


@pytest.fixture
def behaviours(load: Callable[[str], Spec]) -> Callable[[str], list[Behaviour]]:
    """Loads behaviours from the entries of a list. An entry without ``says`` gets one, and an authority."""

    def make(text: str) -> list[Behaviour]:
        text = re.sub(r"\{id: ([\w-]+),(?! says:)", r"{id: \1, says: S., authority: observed,", text)
        text = re.sub(
            r"^  - id: ([\w-]+)\n(?!    says:)",
            r"  - id: \1\n    says: S.\n    authority: observed\n",
            text,
            flags=re.MULTILINE,
        )
        lines = text.splitlines()
        # That may make an entry on one line too long.
        broken = [line.replace(", steps:", ",\n     steps:") if len(line) > 120 else line for line in lines]
        return list(load("about: test\nbehaviours:\n" + "\n".join(broken) + "\n").behaviours)

    return make


@pytest.fixture
def nothing_left() -> Iterator[None]:
    """Fails the test that leaves a descriptor or a thread behind."""
    reaper.forget(0)  # the reaper is started, and its pipe counted, before we look
    gc.collect()
    descriptors = set(os.listdir("/proc/self/fd"))  # noqa: PTH208 (names, not paths)
    threads = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= threads
    assert set(os.listdir("/proc/self/fd")) <= descriptors  # noqa: PTH208


# -- a browser

#: How often the driver is started when the port that it was given is taken: with many tests on one machine, it happens.
STARTS = 20


class Browser(webdriver.Remote):
    """Chromium behind a driver that is there already."""

    def execute_cdp_cmd(self, command: str, parameters: dict[str, Any]) -> Any:
        return self.execute("executeCdpCommand", {"cmd": command, "params": parameters})["value"]

    def complaints(self) -> list[dict[str, Any]]:
        """What the console has had since it was last asked."""
        found: list[dict[str, Any]] = self.execute("getLog", {"type": "browser"})["value"]
        return found


@contextmanager
def started_driver(program: str) -> Iterator[str]:
    """Starts the driver and yields its address.

    Selenium would look for a free port itself and give it away before the driver has it. The driver's own way fails,
    too, when the port that it got for IPv6 is taken for IPv4; but it says so.
    """
    for _ in range(STARTS):
        with subprocess.Popen([program, "--port=0"], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            try:
                for line in process.stdout:
                    if found := re.search(r"started successfully on port (\d+)", line):
                        yield f"http://127.0.0.1:{found[1]}"
                        return
            finally:
                process.terminate()
    raise AssertionError(f"{program} does not start")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Debian's Chromium, headless; without it, tests are skipped, or fail with LUASOCKET_REQUIRE_BROWSER."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    driver = shutil.which("chromedriver")
    if program is None or driver is None:
        assert not os.environ.get("LUASOCKET_REQUIRE_BROWSER"), "there is no chromium, or no chromedriver"
        pytest.skip("there is no chromium with its chromedriver (Debian: chromium chromium-driver)")
    options = Options()
    options.binary_location = program
    for argument in (
        "--headless",
        "--no-sandbox",  # CI runs as root, for whom Chromium has no sandbox
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",  # a container has little of it
        "--window-size=1280,1000",
        f"--user-data-dir={tmp_path_factory.mktemp('chromium')}",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with started_driver(driver) as address:
        started = Browser(ChromeRemoteConnection(address), options=options)
        try:
            yield started
        finally:
            started.quit()
