"""Known deviations and flaky behaviours: applying both lists, and updating a list without losing comments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from luasocket_runners.expectations.deviations import Deviations, DeviationsError
from luasocket_runners.expectations.expectations import Expectations
from luasocket_runners.expectations.update import update
from luasocket_runners.result import CONFORMING, Result, Verdict
from luasocket_runners.triage import fingerprint
from luasocket_spec.model import Behaviour

IDS = ("a/one", "a/two", "a/three", "b/one", "b/two")


@pytest.fixture
def spec(behaviours: Callable[[str], list[Behaviour]]) -> dict[str, Behaviour]:
    """Behaviours by their ids; what they say plays no part here."""
    (made,) = behaviours("  - {id: x, steps: [{call: socket.skip, with: [0], returns: []}]}")
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
        update(known, Expectations.load(known if known.exists() else None, flaky, every), every, results, "toy")
        expectations = Expectations.load(known, flaky, every)
        assert all(expectations.apply(result).verdict in CONFORMING for result in results)
        return known.read_bytes().decode()

    return make


def test_a_new_file(bring_up_to_date: Callable[..., str], seen: Callable[..., list[Result]]) -> None:
    assert bring_up_to_date(seen("a/two")) == (
        "# Known deviations: toy\n"
        "# ID: reason, link\n"
        "# Found with toy. Replace UNEXPLAINED by the reason, with a link:\n"
        "a/two @a9790910: UNEXPLAINED: a/two is\\nwrong\n"
    )


def test_comments_and_lines_stay_as_they_are(
    bring_up_to_date: Callable[..., str], known: Path, seen: Callable[..., list[Result]]
) -> None:
    text = "# why\r\n\r\n   a/two :  it is old ,  https://example.org/1  \r\n# caf\u00e9 \u2028 \t\r\nb/*: no b"
    known.write_bytes(text.encode())
    assert bring_up_to_date(seen("a/two", "b/one", "b/two")) == text
    assert bring_up_to_date(seen("a/two", "a/one", "b/one", "b/two")) == (
        text + "\r\n# Found with toy. Replace UNEXPLAINED by the reason, with a link:\r\n"
        "a/one @a9790910: UNEXPLAINED: a/one is\\nwrong\r\n"
    )


def test_an_entry_that_passes_becomes_a_comment(
    bring_up_to_date: Callable[..., str], known: Path, seen: Callable[..., list[Result]]
) -> None:
    known.write_text("a/one: ask Anna\na/two: ask Bob\n")
    assert bring_up_to_date(seen("a/two")) == "# removed, it passes: a/one: ask Anna\na/two: ask Bob\n"


def test_a_selector_is_split_where_some_of_its_behaviours_pass(
    bring_up_to_date: Callable[..., str], known: Path, seen: Callable[..., list[Result]]
) -> None:
    known.write_text("a: the whole of a\na/three: three by itself\nb/one: x\n")
    text = bring_up_to_date(seen("a/one", "a/three", "b/one"))
    assert text == (
        "# removed, it passes: a: the whole of a\na/one: the whole of a\na/three: three by itself\nb/one: x\n"
    )


def test_entries_of_behaviours_that_did_not_run_stay(
    bring_up_to_date: Callable[..., str], known: Path, seen: Callable[..., list[Result]]
) -> None:
    known.write_text("a: the whole of a\nb: the whole of b\n")
    assert bring_up_to_date(seen(played=("a/one",))) == (
        "# removed, it passes: a: the whole of a\na/two: the whole of a\na/three: the whole of a\nb: the whole of b\n"
    )


def test_flaky_failures_are_not_added(
    bring_up_to_date: Callable[..., str], tmp_path: Path, seen: Callable[..., list[Result]]
) -> None:
    flaky = tmp_path / "flaky.txt"
    flaky.write_text("a: the clock is coarse\n")
    assert bring_up_to_date(seen("a/one"), flaky) == "# Known deviations: toy\n# ID: reason, link\n"


def test_a_second_update_changes_nothing(
    bring_up_to_date: Callable[..., str], seen: Callable[..., list[Result]]
) -> None:
    once = bring_up_to_date(seen("a/two", "b/one"))
    assert bring_up_to_date(seen("a/two", "b/one")) == once


def test_a_failed_write_leaves_the_old_file(
    known: Path, spec: dict[str, Behaviour], seen: Callable[..., list[Result]], monkeypatch: pytest.MonkeyPatch
) -> None:
    known.write_text("a/one: x\n")

    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    every = list(spec.values())
    monkeypatch.setattr(Path, "replace", fails)
    with pytest.raises(OSError, match="No space left"):
        update(known, Expectations.load(known, None, every), every, seen(), "toy")
    assert known.read_text() == "a/one: x\n"
    assert list(known.parent.glob(".known*")) == []


def test_a_symbolic_link_and_the_mode_of_the_file_are_kept(
    known: Path, tmp_path: Path, bring_up_to_date: Callable[..., str], seen: Callable[..., list[Result]]
) -> None:
    target = tmp_path / "target.txt"
    target.write_text("a/one: x\n")
    target.chmod(0o640)
    known.symlink_to(target)
    bring_up_to_date(seen())
    assert known.is_symlink()
    assert target.read_text() == "# removed, it passes: a/one: x\n"
    assert target.stat().st_mode & 0o777 == 0o640


def test_a_known_deviation_that_fails_in_another_way_has_changed(
    bring_up_to_date: Callable[..., str], known: Path, spec: dict[str, Behaviour], seen: Callable[..., list[Result]]
) -> None:
    bring_up_to_date(seen("a/two"))
    known.write_text(known.read_text().replace("UNEXPLAINED: a/two is\\nwrong", "its clock is coarse"))
    every = list(spec.values())
    expectations = Expectations.load(known, None, every)
    (failed,) = (result for result in seen("a/two") if result.verdict is Verdict.FAILED)
    assert expectations.apply(failed).verdict is Verdict.KNOWN
    regression = replace(failed, reason="it hangs", call="client:close()")
    changed = expectations.apply(regression)
    assert changed.verdict is Verdict.FAILED
    assert changed.reason == f"changed: it fails in another way than {known}:4 records; it hangs"
    text = bring_up_to_date([regression])
    assert "# changed, it was: a/two @a9790910: its clock is coarse\n" in text
    assert text.endswith(": UNEXPLAINED: it hangs\n")


def test_an_entry_for_several_behaviours_has_the_fingerprints_of_all(
    bring_up_to_date: Callable[..., str], known: Path, spec: dict[str, Behaviour], seen: Callable[..., list[Result]]
) -> None:
    one, two = (replace(result, returned=word) for result, word in zip(seen("a/one", "a/two"), "xy", strict=False))
    marks = [fingerprint(result) for result in (one, two)]
    known.write_text(f"a @{','.join(marks)}: its clock is coarse\n")
    expectations = Expectations.load(known, None, list(spec.values()))
    assert [expectations.apply(result).verdict for result in (one, two)] == [Verdict.KNOWN] * 2
    regression = replace(two, returned="z")
    assert expectations.apply(regression).verdict is Verdict.FAILED
    assert bring_up_to_date([one, regression]).splitlines() == [
        f"# changed, it was: a @{','.join(marks)}: its clock is coarse",
        f"a/one @{','.join(marks)}: its clock is coarse",
        f"a/three @{','.join(marks)}: its clock is coarse",
        "# Found with toy. Replace UNEXPLAINED by the reason, with a link:",
        f"a/two @{fingerprint(regression)}: UNEXPLAINED: a/two is\\nwrong",
    ]


def test_an_entry_that_was_written_by_hand_needs_no_fingerprint(
    known: Path, spec: dict[str, Behaviour], seen: Callable[..., list[Result]]
) -> None:
    known.write_text("a/two: its clock is coarse\n")
    expectations = Expectations.load(known, None, list(spec.values()))
    for result in seen("a/two")[1], replace(seen("a/two")[1], reason="it hangs"):
        assert expectations.apply(result).verdict is Verdict.KNOWN


# -- flaky


def test_a_flaky_behaviour_may_pass_or_fail(
    tmp_path: Path, spec: dict[str, Behaviour], seen: Callable[..., list[Result]]
) -> None:
    flaky = tmp_path / "flaky.txt"
    flaky.write_text("a: the clock is coarse\n")
    expectations = Expectations.load(None, flaky, list(spec.values()))
    held = [expectations.apply(result) for result in seen("a/two", "b/one")]
    assert [result.verdict for result in held] == [Verdict.FLAKY] * 3 + [Verdict.FAILED, Verdict.PASSED]
    assert [result.reason for result in held[:2]] == ["passed this time", "a/two is\nwrong"]
    assert held[1].listed is not None
    assert (held[1].listed.kind, held[1].listed.line, held[1].listed.passed) == ("flaky", 1, False)


@pytest.mark.parametrize("verdict", [Verdict.SKIPPED, Verdict.ERRORED])
def test_a_skipped_or_errored_behaviour_is_not_flaky(
    tmp_path: Path, spec: dict[str, Behaviour], verdict: Verdict
) -> None:
    flaky = tmp_path / "flaky.txt"
    flaky.write_text("a: the clock is coarse\n")
    expectations = Expectations.load(None, flaky, list(spec.values()))
    assert expectations.apply(Result(spec["a/one"], verdict, "why")) == Result(spec["a/one"], verdict, "why")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("c/one: x\n", "flaky.txt:1: no behaviour matches c/one"),
        ("a/one\n", "flaky.txt:1: the reason is missing"),
        ("a/one @12345678: x\n", "flaky.txt:1: a flaky behaviour has no fingerprint"),
        ("a/one @xyz: x\n", "flaky.txt:1: @xyz is not a fingerprint, which has eight hexadecimal digits"),
        (
            "\na/*: x\n",
            "flaky.txt:2: a/two is listed as flaky here, and as a known deviation in {known}:1; list it once",
        ),
    ],
)
def test_a_bad_list(tmp_path: Path, known: Path, spec: dict[str, Behaviour], text: str, sentence: str) -> None:
    flaky = tmp_path / "flaky.txt"
    flaky.write_text(text)
    known.write_text("a/two: x\n")
    with pytest.raises(DeviationsError) as caught:
        Expectations.load(known, flaky, list(spec.values()))
    assert sentence.format(known=known) in str(caught.value)


def test_an_unreadable_list_of_flaky_behaviours_is_named(tmp_path: Path, spec: dict[str, Behaviour]) -> None:
    with pytest.raises(DeviationsError, match="the flaky behaviours cannot be read: No such file"):
        Deviations.load(tmp_path / "nothing", spec.values(), "flaky")
