"""The corpora of behaviours: those of ``valid-pass/`` pass on the reference, those of ``valid-fail/`` must not.

The comments above a behaviour of ``valid-fail/`` have the report that is expected, word for word:

``# VERDICT: REASON``
    ``failed`` or ``not implemented``, and the first difference in a sentence.
``# call:``, ``# expected:``, ``# returned:``, ``# fixture:``
    Likewise the attributes of the result; where one is not written, it is empty.
``# case:``
    The row that fails, where the behaviour has several; the others pass.
``# dialect:``, ``# authority:``
    The options of the run.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import luasocket_spec
import pytest
from luasocket_runners.engine.engine import Engine
from luasocket_runners.peers import endpoint
from luasocket_runners.ports import resolve
from luasocket_runners.result import Result, Verdict
from luasocket_spec.model import Authority, Dialect

HERE = Path(__file__).parent
PASSING = sorted((HERE / "valid-pass").glob("*.yaml"))
FAILING = sorted((HERE / "valid-fail").glob("*.yaml"))

#: Seconds that a peer waits in vain in these tests. All that it can wait for has happened before it starts to wait.
PATIENCE = 0.25

SETTINGS = ("dialect", "authority")
ATTRIBUTES = ("call", "expected", "returned", "fixture")


@dataclass
class Failing:
    """The result that a behaviour must have, and the options of its run."""

    reported: dict[str, str] = field(default_factory=dict)
    dialect: Dialect | None = None
    authority: Authority | None = None


def expectations(path: Path) -> dict[str, Failing]:
    """Return the expected result of each behaviour of a file, by id."""
    found: dict[str, Failing] = {}
    comments: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if comment := re.fullmatch(r"  # ([a-z ]+): (.*)", line):
            key, text = comment.groups()
            comments[key] = f"{comments[key]}\n{text}" if key in comments else text
        elif identity := re.match(r"  - \{?id: ([a-z0-9-]+)", line):
            case = comments.pop("case", None)
            settings = {key: comments.pop(key, None) for key in SETTINGS}
            name = identity[1] if case is None else f"{identity[1]}/{case}"
            found[name] = Failing(comments, **settings)  # type: ignore[arg-type]
            comments = {}
    return found


def reported(result: Result) -> dict[str, str]:
    """Return a result in the form of the comments of the corpus."""
    values = {name: getattr(result, name) for name in ATTRIBUTES}
    text = {result.verdict.value: result.reason, **{name: value for name, value in values.items() if value}}
    return {name: re.sub(r"^after [0-9.]+ s$", "after … s", value) for name, value in text.items()}


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("path", PASSING, ids=lambda path: path.stem)
def test_valid_pass(path: Path, make_data: Callable[[str], Path]) -> None:
    behaviours = luasocket_spec.load(make_data(path.read_text(encoding="utf-8"))).behaviours
    with Engine(resolve("reference")) as engine:
        results = [engine.run(behaviour) for behaviour in behaviours]
    assert [(result.behaviour.id, reported(result)) for result in results if result.verdict is not Verdict.PASSED] == []


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("path", FAILING, ids=lambda path: path.stem)
def test_valid_fail(path: Path, make_data: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "PATIENCE", PATIENCE)
    expected = expectations(path)
    behaviours = luasocket_spec.load(make_data(path.read_text(encoding="utf-8"))).behaviours
    by_id = {behaviour.id.removeprefix("test/"): behaviour for behaviour in behaviours}
    assert set(expected) <= set(by_id)
    with ExitStack() as stack:
        engine_for = cache(lambda *held_to: stack.enter_context(Engine(resolve("reference"), *held_to)))
        for identity, behaviour in by_id.items():
            failing = expected.get(identity, Failing({"passed": ""}))
            result = engine_for(failing.dialect, failing.authority).run(behaviour)
            assert (identity, reported(result)) == (identity, failing.reported)


def test_the_corpus_is_found() -> None:
    """A corpus that is not found would pass as well."""
    assert PASSING
    assert sum(len(expectations(path)) for path in FAILING) > 100
