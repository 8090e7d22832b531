"""What is known of a port: both lists, and bringing the known deviations up to date without losing a person's words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from luasocket_runners.deviations import Deviations, DeviationsError, Lists, update
from luasocket_runners.result import CONFORMING, Result, Verdict
from luasocket_spec.model import Behaviour

IDS = ("a/one", "a/two", "a/three", "b/one", "b/two")


@pytest.fixture
def spec(behaviours: Callable[[str], list[Behaviour]]) -> dict[str, Behaviour]:
    """Behaviours by their ids; what they say plays no part here."""
    (made,) = behaviours("  - {id: x, SO, steps: [{call: socket.skip, with: [0], returns: []}]}")
    return {identity: replace(made, id=identity) for identity in IDS}


@pytest.fixture
def seen(spec: dict[str, Behaviour]) -> Callable[..., list[Result]]:
    """Makes results: those that are named fail, the others pass."""

    def make(*failing: str, played: tuple[str, ...] = IDS) -> list[Result]:
        return [
            Result(spec[identity], Verdict.FAILED, f"{identity} is\nwrong")
            if identity in failing
            else Result(spec[identity], Verdict.PASSED)
            for identity in played
        ]

    return make


@pytest.fixture
def known(tmp_path: Path) -> Path:
    return tmp_path / "known.txt"


@pytest.fixture
def bring_up_to_date(known: Path, spec: dict[str, Behaviour]) -> Callable[..., str]:
    """Updates the file and returns its text; afterwards everything that was seen must conform."""

    def make(results: list[Result], flaky: Path | None = None) -> str:
        every = list(spec.values())
        update(known, Lists.load(known if known.exists() else None, flaky, every), every, results, "toy")
        lists = Lists.load(known, flaky, every)
        assert all(lists.hold(result).verdict in CONFORMING for result in results)
        return known.read_bytes().decode()

    return make


def test_a_new_file(bring_up_to_date: Callable[..., str], seen: Callable[..., list[Result]]) -> None:
    assert bring_up_to_date(seen("a/two")) == (
        "# Known deviations: toy\n"
        "# ID: reason, link\n"
        "# Seen with toy. Say why, with a link, in place of the mark:\n"
        "a/two: UNEXPLAINED: a/two is\\nwrong\n"
    )


def test_comments_and_lines_stay_as_they_are(
    bring_up_to_date: Callable[..., str], known: Path, seen: Callable[..., list[Result]]
) -> None:
    text = "# why\r\n\r\n   a/two :  it is old ,  https://example.org/1  \r\n# caf\u00e9 \u2028 \t\r\nb/*: no b"
    known.write_bytes(text.encode())
    assert bring_up_to_date(seen("a/two", "b/one", "b/two")) == text
    assert bring_up_to_date(seen("a/two", "a/one", "b/one", "b/two")) == (
        text + "\r\n# Seen with toy. Say why, with a link, in place of the mark:\r\n"
        "a/one: UNEXPLAINED: a/one is\\nwrong\r\n"
    )


def test_what_passes_becomes_a_comment(
    bring_up_to_date: Callable[..., str], known: Path, seen: Callable[..., list[Result]]
) -> None:
    known.write_text("a/one: ask Anna\na/two: ask Bob\n")
    assert bring_up_to_date(seen("a/two")) == "# struck, it passes: a/one: ask Anna\na/two: ask Bob\n"


def test_a_line_of_which_some_passes_is_split(
    bring_up_to_date: Callable[..., str], known: Path, seen: Callable[..., list[Result]]
) -> None:
    known.write_text("a: the whole of a\na/three: three by itself\nb/one: x\n")
    text = bring_up_to_date(seen("a/one", "a/three", "b/one"))
    assert text == (
        "# struck, it passes: a: the whole of a\na/one: the whole of a\na/three: three by itself\nb/one: x\n"
    )


def test_what_was_not_played_stays(
    bring_up_to_date: Callable[..., str], known: Path, seen: Callable[..., list[Result]]
) -> None:
    known.write_text("a: the whole of a\nb: the whole of b\n")
    assert bring_up_to_date(seen(played=("a/one",))) == (
        "# struck, it passes: a: the whole of a\na/two: the whole of a\na/three: the whole of a\nb: the whole of b\n"
    )


def test_what_is_flaky_is_not_added(
    bring_up_to_date: Callable[..., str], tmp_path: Path, seen: Callable[..., list[Result]]
) -> None:
    flaky = tmp_path / "flaky.txt"
    flaky.write_text("a: the clock is coarse\n")
    assert bring_up_to_date(seen("a/one"), flaky) == "# Known deviations: toy\n# ID: reason, link\n"


def test_twice_is_once(bring_up_to_date: Callable[..., str], seen: Callable[..., list[Result]]) -> None:
    once = bring_up_to_date(seen("a/two", "b/one"))
    assert bring_up_to_date(seen("a/two", "b/one")) == once


def test_a_file_that_cannot_be_written_is_as_it_was(
    known: Path, spec: dict[str, Behaviour], seen: Callable[..., list[Result]], monkeypatch: pytest.MonkeyPatch
) -> None:
    known.write_text("a/one: x\n")

    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    every = list(spec.values())
    monkeypatch.setattr(Path, "replace", fails)
    with pytest.raises(OSError, match="No space left"):
        update(known, Lists.load(known, None, every), every, seen(), "toy")
    assert known.read_text() == "a/one: x\n"
    assert list(known.parent.glob(".known*")) == []


def test_a_link_stays_one_and_a_mode_stays(
    known: Path, tmp_path: Path, bring_up_to_date: Callable[..., str], seen: Callable[..., list[Result]]
) -> None:
    target = tmp_path / "target.txt"
    target.write_text("a/one: x\n")
    target.chmod(0o640)
    known.symlink_to(target)
    bring_up_to_date(seen())
    assert known.is_symlink()
    assert target.read_text() == "# struck, it passes: a/one: x\n"
    assert target.stat().st_mode & 0o777 == 0o640


# -- flaky


def test_what_is_flaky_may_pass_or_fail(
    tmp_path: Path, spec: dict[str, Behaviour], seen: Callable[..., list[Result]]
) -> None:
    flaky = tmp_path / "flaky.txt"
    flaky.write_text("a: the clock is coarse\n")
    lists = Lists.load(None, flaky, list(spec.values()))
    held = [lists.hold(result) for result in seen("a/two", "b/one")]
    assert [result.verdict for result in held] == [Verdict.FLAKY] * 3 + [Verdict.FAILED, Verdict.PASSED]
    assert [result.reason for result in held[:2]] == ["it passed this time", "a/two is\nwrong"]
    assert held[1].listed is not None
    assert (held[1].listed.kind, held[1].listed.line, held[1].listed.passed) == ("flaky", 1, False)


@pytest.mark.parametrize("verdict", [Verdict.SKIPPED, Verdict.ERRORED])
def test_what_was_not_played_is_not_flaky(tmp_path: Path, spec: dict[str, Behaviour], verdict: Verdict) -> None:
    flaky = tmp_path / "flaky.txt"
    flaky.write_text("a: the clock is coarse\n")
    lists = Lists.load(None, flaky, list(spec.values()))
    assert lists.hold(Result(spec["a/one"], verdict, "why")) == Result(spec["a/one"], verdict, "why")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("c/one: x\n", "flaky.txt:1: c/one names no behaviour"),
        ("a/one\n", "flaky.txt:1: give a reason"),
        (
            "\na/*: x\n",
            "flaky.txt:2: a/two is flaky here, and a known deviation in {known}:1; list it once",
        ),
    ],
)
def test_a_bad_list(tmp_path: Path, known: Path, spec: dict[str, Behaviour], text: str, sentence: str) -> None:
    flaky = tmp_path / "flaky.txt"
    flaky.write_text(text)
    known.write_text("a/two: x\n")
    with pytest.raises(DeviationsError) as caught:
        Lists.load(known, flaky, list(spec.values()))
    assert sentence.format(known=known) in str(caught.value)


def test_the_list_of_what_is_flaky_is_named_where_it_cannot_be_read(
    tmp_path: Path, spec: dict[str, Behaviour]
) -> None:
    with pytest.raises(DeviationsError, match="the list of what is flaky cannot be read"):
        Deviations.load(tmp_path / "nothing", spec.values(), "flaky")
