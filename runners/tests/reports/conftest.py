"""Fixtures for the tests of reports: results and reports made by hand, and hostile output of a port."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from luasocket_runners.reports import Report, Run
from luasocket_runners.result import Listed, Result, Verdict
from luasocket_spec.model import Behaviour, Disagreement, Source

BEHAVIOUR = Behaviour(
    id="tcp/receive/partial", about="client:receive", says="A line that times out is partial.",
    hint="Keep what has arrived.", covers=("client:receive/timeout", "client:receive/partial"), authority="documented",
    dialects=("defold", "luasocket-3"), needs=(), given=(), functions={}, disagrees=None, steps=(),
    source=Source("behaviours/tcp/receive.yaml", 7),
)  # fmt: skip

#: It tries to be HTML, the end of our script element, Markdown, XML, a command to GitHub, and half a character.
HOSTILE = (
    "</script><script>document.title='owned'</script><!-- <img src=x onerror=\"document.title='owned'\">"
    "\n::error file=x::owned\n##[error]owned\r|`**bold**` [x](javascript:alert(1)) @maintainer #1 https://evil.example/"
    " ]]> &lt;b&gt; \u2028 \x1b[31m \x00 \udcff %0A $script ${script} \\"
)


@pytest.fixture
def hostile() -> str:
    return HOSTILE


@pytest.fixture
def behaviour() -> Callable[..., Behaviour]:
    """Makes a behaviour; ``subject`` is the name of its file."""

    def make(identity: str, *, subject: str = "tcp/receive", **changes: Any) -> Behaviour:
        return replace(BEHAVIOUR, id=identity, source=Source(f"behaviours/{subject}.yaml", 7), **changes)

    return make


@pytest.fixture
def results(behaviour: Callable[..., Behaviour]) -> list[Result]:
    """One result of each verdict."""
    failed = Result(
        BEHAVIOUR,
        Verdict.FAILED,
        "2 values instead of 3",
        call='client:receive("*l")',
        expected='nil, "timeout", "hel"',
        returned='nil, "timeout"',
        at="behaviours/tcp/receive.yaml:12",
    )
    known = Listed("known", "tcp/old", "It is old, https://example.org/issues/12.", "known.txt", 3, True, False)
    unexplained = Listed("known", "tcp/new", "UNEXPLAINED: 2 values instead of 3", "known.txt", 4, False, False)
    flaky = Listed("flaky", "tcp", "The clock is coarse.", "flaky.txt", 1, True, True)
    parts = Disagreement("It is so.", "It is otherwise.", "3.0-rc1", (17,))
    return [
        failed,
        Result(behaviour("tcp/receive/line"), Verdict.PASSED, duration=0.0123),
        Result(behaviour("tcp/receive/sides", disagrees=parts), Verdict.PASSED, follows="observed"),
        replace(failed, behaviour=behaviour("tcp/receive/known"), verdict=Verdict.KNOWN, listed=known),
        replace(failed, behaviour=behaviour("tcp/receive/new"), verdict=Verdict.KNOWN, listed=unexplained),
        Result(behaviour("tcp/receive/now-and-then"), Verdict.FLAKY, "it passed this time", listed=flaky),
        Result(behaviour("dns/absent", subject="dns"), Verdict.NOT_IMPLEMENTED, "there is no socket.dns.toip"),
        Result(behaviour("dns/six", subject="dns"), Verdict.SKIPPED, "needs ipv6, which is not available"),
        Result(
            behaviour("dns/odd", subject="dns", authority="observed", covers=(), dialects=("luasocket-3",)),
            Verdict.ERRORED,
            "no port is free",
        ),
    ]


@pytest.fixture
def report() -> Callable[..., Report]:
    """Makes a report of results."""

    def make(results: list[Result], *, port: str = "toy", spec: str = "1.0.0", **changes: Any) -> Report:
        metadata = {
            "program": "0.1.0",
            "spec": spec,
            "port": port,
            "description": {"name": "Toy", "version": "Toy 1", "runtime": "Lua 5.4", "capabilities": ["gc"]},
            "dialect": "luasocket-3",
            "authority": None,
            "started": datetime(2026, 11, 22, 8, 41, 43, tzinfo=UTC),
            "seconds": 1.5,
        }
        return Report.of(Run.of(**(metadata | changes)), results)

    return make


@pytest.fixture
def saved(tmp_path: Path, report: Callable[..., Report]) -> Callable[..., Path]:
    """Writes a report of results as JSON."""

    def save(name: str, results: list[Result], **changes: Any) -> Path:
        path = tmp_path / name
        path.write_text(report(results, **changes).to_json(), encoding="utf-8")
        return path

    return save
