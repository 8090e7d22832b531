"""A search finds the differences of a port, makes them short, and accuses no port that answers as the reference."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("hypothesis")

from luasocket_runners.explore.search import Found, Limits, Search
from luasocket_runners.ports import Port, resolve
from luasocket_runners.ports.inprocess import PythonPort
from luasocket_spec.model import Dialect

Faulty = Callable[..., PythonPort]


def search(port: Port, limits: Limits, dialect: Dialect = "luasocket-3", **options: Any) -> Found:
    return Search(resolve("reference"), port, dialect, **options).run(limits)


def ignores_the_mode(settimeout: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, value=None, mode=None, *rest: settimeout(self, value, *rest)


def counts_from_zero(getstats: Callable[..., Any]) -> Callable[..., Any]:
    def getstats_of_a_faulty_port(self: Any, *args: Any) -> Any:
        received, sent, age = getstats(self, *args)
        return received, sent + (5 if sent else 0), age

    return getstats_of_a_faulty_port


@pytest.mark.parametrize("dialect", ["luasocket-3", "defold"])
def test_the_reference_answers_as_itself(dialect: Dialect) -> None:
    found = search(resolve("reference"), Limits(calls=800), dialect)
    assert found.calls >= 800
    assert found.programs > 3
    assert (found.differences, found.unconfirmed, found.absent) == ([], 0, frozenset())


def test_a_difference_is_found_and_made_short(faulty: Faulty) -> None:
    found = search(faulty(getstats=counts_from_zero), Limits(calls=8000, differences=1))
    (difference,) = found.differences
    assert difference.key[0] == ":getstats"
    assert difference.words == "result 2 differs"
    labels = [step.label for step in difference.steps]
    assert labels[-1] == ":getstats"
    assert ":send" in labels or ":setstats" in labels
    assert len(labels) <= 11
    assert [step.label for step in difference.steps].count(":getstats") == 1


def test_each_kind_of_difference_is_reported_once(faulty: Faulty) -> None:
    port = faulty(getstats=counts_from_zero, getfamily=lambda _: lambda *args: (b"inet7",))
    found = search(port, Limits(calls=6000, differences=2))
    keys = [difference.key for difference in found.differences]
    assert len(keys) == len(set(keys))
    assert {label for label, _, _ in keys} == {":getstats", ":getfamily"}


def test_the_same_seed_makes_the_same_programs(faulty: Faulty) -> None:
    port = faulty(settimeout=ignores_the_mode)
    first, second = (search(port, Limits(calls=3000, differences=1), seed=3) for _ in range(2))
    assert first.differences[0].steps == second.differences[0].steps
    assert first.calls == second.calls


def test_a_method_that_is_not_there_is_left_out(faulty: Faulty) -> None:
    found = search(faulty(getstats=lambda _: None), Limits(calls=600))
    assert "client:getstats" in found.absent
    assert {name.partition(":")[2] for name in found.absent} == {"getstats"}
    assert found.differences == []


def test_a_method_that_one_class_lacks_is_called_on_others(faulty: Faulty) -> None:
    calls = 0

    def counted(receive: Callable[..., Any]) -> Callable[..., Any]:
        def receive_that_is_counted(*args: Any) -> Any:
            nonlocal calls
            calls += 1
            return receive(*args)

        return receive_that_is_counted

    port = faulty(lacking=("tcp{master}", "receive"), receive=counted)
    searching = Search(resolve("reference"), port, "luasocket-3", profile="tcp")
    while not searching.found.absent:
        searching.run(Limits(calls=searching.found.calls + 300))
    before = calls
    found = searching.run(Limits(calls=searching.found.calls + 600))
    assert found.absent == {"master:receive"}
    assert calls > before


def test_a_call_that_hangs_is_a_difference(faulty: Faulty, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("luasocket_runners.explore.side.CALL_LIMIT", 0.2)

    def hangs(_: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *args: time.sleep(0.4)

    found = search(faulty(getfamily=hangs), Limits(calls=4000, differences=1))
    (difference,) = found.differences
    assert difference.words == "hung instead of returned"
    assert "did not return" in difference.actual


def test_a_profile_narrows_the_search(faulty: Faulty) -> None:
    found = search(faulty(getstats=counts_from_zero), Limits(calls=600), profile="udp")
    assert found.differences == []


def test_a_difference_that_does_not_show_again_does_not_count(faulty: Faulty) -> None:
    calls = 0

    def once(getfamily: Callable[..., Any]) -> Callable[..., Any]:
        def getfamily_of_a_flaky_port(*args: Any) -> Any:
            nonlocal calls
            calls += 1
            return (b"inet7",) if calls == 5 else getfamily(*args)

        return getfamily_of_a_flaky_port

    found = search(faulty(getfamily=once), Limits(calls=4000))
    assert calls > 5
    assert found.differences == []
    assert found.unconfirmed >= 1  # on a busy machine, a datagram that comes late is another one


def test_a_database_keeps_the_programs_that_differed(faulty: Faulty, tmp_path: Path) -> None:
    port = faulty(getstats=counts_from_zero)
    limits = Limits(calls=8000, differences=1)
    first = search(port, limits, database=tmp_path)
    assert any(tmp_path.rglob("*"))
    again = search(port, limits, database=tmp_path, seed=99)
    assert again.calls < first.calls
    assert again.differences[0].key == first.differences[0].key


def test_the_progress_is_shown_after_each_program() -> None:
    seen: list[int] = []
    found = search(resolve("reference"), Limits(programs=4), progress=lambda found: seen.append(found.programs))
    assert seen == [1, 2, 3, 4]
    assert found.programs == 4
