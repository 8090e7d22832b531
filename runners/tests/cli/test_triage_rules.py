"""Which rules `triage` finds: none that says something false, and one for each way in which a port differs."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from luasocket_runners.cli.main import main
from luasocket_runners.testing import ToyError


def test_no_rule_is_made_on_top_of_another_one(
    triage_arguments: Callable[..., list[str]],
    tmp_path: Path,
) -> None:
    corpus = "about: test\nbehaviours:\n" + "".join(
        f"  - id: {text}{number}\n    says: S.\n    authority: observed\n    steps:\n"
        f"      - {{call: socket.f, with: [{text}], returns: [null, closed]}}\n"
        for text, count in (("ended", 6), ("reset", 4))
        for number in range(count)
    )
    arguments = triage_arguments(corpus, f=lambda text: (None, text))
    assert main([*arguments, "--at-least", "4"]) == 0
    text = (tmp_path / "quirks.yaml").read_text()
    assert '{with: ["reset"], message: "closed"}\n    returned: {message: "reset"}' in text
    assert '{with: ["ended"], message: "closed"}\n    returned: {message: "ended"}' in text
    assert "always: false" not in text
    assert "test/" not in (tmp_path / "known-deviations.txt").read_text()


def test_a_rule_that_holds_only_sometimes_holds_always_under_a_condition(
    triage_arguments: Callable[..., list[str]],
    tmp_path: Path,
) -> None:
    corpus = "about: test\nbehaviours:\n" + "".join(
        f"  - id: {mode}{number}\n    says: S.\n    authority: observed\n    steps:\n"
        f"      - {{call: socket.f, with: [{mode}], returns: [true, true]}}\n"
        for mode in ("none", "other")
        for number in range(3)
    )
    arguments = triage_arguments(corpus, f=lambda mode: () if mode == b"none" else (True, False))
    assert main(arguments) == 0
    text = (tmp_path / "quirks.yaml").read_text()
    assert 'expected: {with: ["none"], returns: [true, true]}\n    returned: {returns: []}' in text
    assert "expected: {returns: []}" not in text
    assert "test/" not in (tmp_path / "known-deviations.txt").read_text()


@pytest.mark.parametrize("constant", [True, False])
def test_a_number_that_is_wrong_only_sometimes_is_no_rule(
    triage_arguments: Callable[..., list[str]],
    tmp_path: Path,
    *,
    constant: bool,
) -> None:
    corpus = "about: test\nbehaviours:\n" + "".join(
        f"  - id: a{number}\n    says: S.\n    authority: observed\n    steps:\n"
        f"      - {{call: socket.f, with: [{number}], returns: [{number}]}}\n"
        for number in range(4, 10)
    )
    arguments = triage_arguments(corpus, f=lambda number: (1 if constant or number < 8 else number,))
    assert main(arguments) == 0
    rule = "expected: {returns: [{type: number}]}\n    returned: {returns: [1]}"
    assert (rule in (tmp_path / "quirks.yaml").read_text()) is constant
    assert (tmp_path / "known-deviations.txt").read_text().count("\ntest/") == (0 if constant else 4)


def test_an_error_is_one_rule_whatever_luasocket_does(
    triage_arguments: Callable[..., list[str]],
    tmp_path: Path,
) -> None:
    calls = {
        "none": "returns: [1]", "one": "with: [null], returns: [1]", "two": "with: [null, x], succeeds: true",
    }  # fmt: skip
    stubs = {
        "fails": "with: [1], returns: [null, closed]", "does": "with: [1, 2], succeeds: true",
        "raises": "with: [1, 2, 3], raises: number expected", "gives": "with: [1], returns: [1]",
    }  # fmt: skip
    corpus = "about: test\nbehaviours:\n" + "".join(
        f"  - id: {identity}\n    says: S.\n    authority: observed\n    steps:\n"
        f"      - {{call: socket.{function}, {call}}}\n      - {{call: socket.g, returns: [1]}}\n"
        for function, identities in (("f", calls), ("g", stubs))
        for identity, call in identities.items()
    )

    def f(*_: object) -> None:
        raise ToyError(b"bad argument #1 to 'settimeout' (number expected, got nil)")

    def g(*args: object) -> tuple[int]:
        if args:
            raise ToyError(b"g(%d) not implemented yet" % len(args))
        return (1,)

    arguments = triage_arguments(corpus, f=f, g=g)
    assert main(arguments) == 0
    text = (tmp_path / "quirks.yaml").read_text()
    assert text.count("  - id: ") == 2
    assert 'with: [null, {one_of: [null, "x"]}], returns: [$...]' in text
    assert "with: [{type: number}, {one_of: [null, {type: number}]}, {one_of: [null, {type: number}]}]" in text
    assert "test/" not in (tmp_path / "known-deviations.txt").read_text()


def test_many_values_of_an_argument_become_a_form_that_holds(
    triage_arguments: Callable[..., list[str]],
    tmp_path: Path,
) -> None:
    corpus = "about: test\nbehaviours:\n" + "".join(
        f"  - id: x{word}\n    says: S.\n    authority: observed\n    steps:\n"
        f'      - {{call: socket.f, with: ["{word}"], returns: [1]}}\n'
        for word in ("a1", "b2", "c3", "d4", "e5", "f6", "g7", "h8", "i9", "7", "8")
    )

    def f(word: bytes) -> tuple[int]:
        if not word.isdigit():
            raise ToyError(b"no number")
        return (1,)

    assert main(triage_arguments(corpus, f=f)) == 0
    text = (tmp_path / "quirks.yaml").read_text()
    assert text.count("  - id: ") == 1
    assert '    expected: {with: [{pattern: "^[A-Za-z]"}], returns: [$...]}\n' in text
    assert "always" not in text
    assert "test/" not in (tmp_path / "known-deviations.txt").read_text()


def test_a_call_that_should_raise_is_a_rule_without_arguments(
    triage_arguments: Callable[..., list[str]],
    tmp_path: Path,
) -> None:
    corpus = "about: test\nbehaviours:\n" + "".join(
        f"  - id: {function}-{word}\n    says: S.\n    authority: observed\n    steps:\n"
        f"      - {{call: socket.{function}, with: [{word}, 1], raises: number expected}}\n"
        for function in "fg"
        for word in ("one", "two", "three")
    )

    def g(word: bytes, _: int) -> tuple[int]:
        if word == b"two":
            raise ToyError(b"number expected")
        return (1,)

    assert main(triage_arguments(corpus, f=lambda *_: (1,), g=g)) == 0
    text = (tmp_path / "quirks.yaml").read_text()
    assert text.count("  - id: ") == 2
    assert '    on: ["socket.f"]\n    expected: {raises: "number expected"}\n' in text
    assert '    expected: {with: [{one_of: ["one", "three"]}, {type: number}], raises: "number expected"}\n' in text
    assert "test/" not in (tmp_path / "known-deviations.txt").read_text()


def test_rules_that_hide_each_other_become_narrower(
    triage_arguments: Callable[..., list[str]],
    tmp_path: Path,
) -> None:
    corpus = "about: test\nbehaviours:\n" + "".join(
        f"  - id: {mode}{number}\n    says: S.\n    authority: observed\n    steps:\n"
        f"      - {{call: socket.f, with: [{mode}], returns: [ok, null]}}\n"
        for mode in ("one", "two")
        for number in range(3)
    )
    arguments = triage_arguments(corpus, f=lambda mode: (b"ok",) if mode == b"one" else (b"ok", None, 0.5))
    assert main(arguments) == 0
    text = (tmp_path / "quirks.yaml").read_text()
    assert text.count("  - id: ") == text.count("expected: {with: [") == 2
    assert "always: false" not in text
    assert "test/" not in (tmp_path / "known-deviations.txt").read_text()


def test_the_arguments_of_a_single_failure_are_no_rule(
    triage_arguments: Callable[..., list[str]],
    tmp_path: Path,
) -> None:
    """Three functions fail with one error: one everywhere, two of them in one behaviour only, because of its past."""
    corpus = "about: test\nbehaviours:\n" + "".join(
        f"  - id: {function}{number}\n    says: S.\n    authority: observed\n    steps:\n"
        f"      - {{call: socket.{function}, with: [word{number}], returns: [1]}}\n"
        for function in "fgh"
        for number in range(3)
    )

    def failing(number: int) -> Callable[[bytes], tuple[int]]:
        def call(word: bytes) -> tuple[int]:
            if number < 0 or word == b"word%d" % number:
                raise ToyError(b"the state is wrong")
            return (1,)

        return call

    assert main(triage_arguments(corpus, f=failing(-1), g=failing(1), h=failing(2))) == 0
    text = (tmp_path / "quirks.yaml").read_text()
    assert text.count("  - id: ") == 1
    assert '    on: ["socket.f"]\n' in text
    known = (tmp_path / "known-deviations.txt").read_text()
    assert known.count("\ntest/g1") == known.count("\ntest/h2") == 1


def test_a_call_that_hangs_is_a_rule_about_luasocket(
    triage_arguments: Callable[..., list[str]],
    tmp_path: Path,
) -> None:
    """Other rules, about an error and the number of results of the same function, are not followed where it hangs."""
    corpus = "about: test\nbehaviours:\n" + "".join(
        f"  - id: {state}{number}\n    says: S.\n    authority: observed\n    steps:\n"
        f"      - {{call: socket.udp, succeeds: true, as: one}}\n"
        f"      - {{call: one:receive, with: [{state}], returns: {results}}}\n"
        for state, results in (
            ("raises", "[null, closed, x]"), ("waits", "[null, timeout, x]"),
            ("gives", "[x, null, null]"), ("sticks", "[x, null, null]"),
        )
        for number in range(4)
    )  # fmt: skip

    class Object:
        def receive(self, state: bytes) -> tuple[bytes]:
            end = time.monotonic() + 30
            while (
                state in (b"waits", b"sticks") and time.monotonic() < end
            ):  # short: the thread can be ended in between
                time.sleep(0.01)
            if state == b"raises":
                raise ToyError(b"number expected")
            return (b"x",)

    assert main([*triage_arguments(corpus, udp=lambda: (Object(),)), "--deadline", "1"]) == 0
    text = (tmp_path / "quirks.yaml").read_text()
    assert 'expected: {returns: [null, "timeout", $...]}\n    returned: {hangs: true}' in text
    assert '{with: ["sticks"], returns: [{type: string}, null, null]}\n    returned: {hangs: true}' in text
    assert text.count("  - id: ") == 4
    assert "test/" not in (tmp_path / "known-deviations.txt").read_text()


def test_a_rule_about_results_does_not_hold_always_where_calls_hang(
    triage_arguments: Callable[..., list[str]],
    tmp_path: Path,
) -> None:
    corpus = "about: test\nbehaviours:\n" + "".join(
        f"  - id: {state}{number}\n    says: S.\n    authority: observed\n    steps:\n"
        f"      - {{call: socket.udp, with: [{state}], succeeds: true, as: one}}\n"
        "      - {call: one:receive, raises: client expected}\n"
        for state in ("closed", "fresh")
        for number in range(4 if state == "closed" else 1)
    )

    class Object:
        def __init__(self, state: bytes) -> None:
            self.state = state

        def receive(self) -> tuple[object, ...]:
            end = time.monotonic() + 30
            while self.state == b"fresh" and time.monotonic() < end:  # short sleeps: the thread can be ended in between
                time.sleep(0.01)
            return (None, b"closed")

    assert main([*triage_arguments(corpus, udp=lambda state: (Object(state),)), "--deadline", "1"]) == 0
    text = (tmp_path / "quirks.yaml").read_text()
    assert text.count("  - id: ") == 1
    assert 'raises: "client expected"}\n    returned: {returns: [null, "closed"]}\n    always: false\n' in text
    assert (tmp_path / "known-deviations.txt").read_text().count("\ntest/") == 1
