"""Reruns behaviours whose process of pytest-xdist was killed, and ends pytest with a status of its own if that fails.

A system without memory kills processes: this says nothing about the port. The command ``run`` does the same with its
own processes.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

import pytest

__all__ = ["LOST", "note_loss", "watch"]

#: Pytest's exit status when processes were killed and behaviours have no verdict: that of the command ``run``.
LOST: Final = 71
#: How many processes may be killed while they run the same behaviour, before it has no verdict.
MAX_DEATHS: Final = 2
#: The file of the suite in the node id of each behaviour.
_FILE: Final = "luasocket_conformance/suite.py"
#: Whether a behaviour has no verdict.
_LOSS: Final = pytest.StashKey[bool]()


def watch(config: pytest.Config) -> None:
    """Be ready for killed processes."""
    config.stash[_LOSS] = False
    config.pluginmanager.register(_Crashes(config))


def note_loss(config: pytest.Config) -> None:
    """Note that a behaviour has no verdict, because the processes that ran it were killed."""
    config.stash[_LOSS] = True


class _Crashes:
    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._deaths: Counter[str] = Counter()  # by node id

    @pytest.hookimpl(optionalhook=True)
    def pytest_handlecrashitem(self, crashitem: str, report: pytest.TestReport, sched: Any) -> None:
        """Have a behaviour run in another process the first time; the second time, its report says what happened."""
        if not crashitem.partition("::")[0].endswith(_FILE):
            return
        self._deaths[crashitem] += 1
        if self._deaths[crashitem] < MAX_DEATHS:
            try:
                sched.mark_test_pending(crashitem)
            except NotImplementedError:  # this way of distributing (--dist) cannot
                pass
            else:
                report.outcome = "rerun"  # type: ignore[assignment]  # as the hook's documentation says
                return
        note_loss(self._config)
        times = "" if self._deaths[crashitem] == 1 else f" {self._deaths[crashitem]} times"
        report.longrepr = (
            f"no verdict: the process of pytest-xdist that ran it was killed{times}. This says nothing about the port. "
            "If the system was out of memory, use fewer processes (-n)."
        )

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Set the exit status of pytest."""
        if self._config.stash[_LOSS]:
            session.exitstatus = LOST
