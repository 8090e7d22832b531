"""Tests look-ups from the command line: by function, word and statement; what is printed; near matches."""

from __future__ import annotations

import pytest
from luasocket_runners.cli.main import main


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    def run(*arguments: str, status: int = 0) -> str:
        assert main(list(arguments)) == status
        captured = capsys.readouterr()
        return captured.out if status in (0, 1) else captured.err

    return run


@pytest.mark.parametrize("name", ["client:receive", "receive", "tcp{client}:receive", "client:receive/partial"])
def test_behaviours_of_a_function_are_listed(printed, name: str) -> None:  # type: ignore[no-untyped-def]
    text = printed("list", "--function", name, "tcp/receive-line")
    assert "tcp/receive-line/drops-every-carriage-return  (5 cases)" in text
    assert text.count("tcp/receive-line/drops-every-carriage-return") == 1


def test_a_list_shows_authority_dialects_and_disagreements(printed) -> None:  # type: ignore[no-untyped-def]
    assert "(disagreement since 2.0)" in printed("list", "tcp/receive-number/zero-with-nothing-there")
    assert "observed, luasocket-3 only)" in printed("list", "tcp/connect/again-leaves-nothing-behind")


def test_words_are_searched_in_rules_hints_and_values(printed) -> None:  # type: ignore[no-untyped-def]
    text = printed("list", "--function", "client:receive", "--grep", "invalid receive pattern")
    assert "tcp/receive-arguments/" in text
    assert "tcp/receive-line/ends-at-line-feed" not in text
    assert printed("list", "--grep", "CARRIAGE", "--grep", "line feed", "tcp/receive-line")


def test_behaviours_that_cover_a_statement_are_listed(printed) -> None:  # type: ignore[no-untyped-def]
    lines = printed("list", "--covers", "client:receive/partial-empty").splitlines()
    assert "tcp/receive-line/nothing-at-timeout" in lines


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["list", "--function", "recieve"], "client:receive"),
        (["explain", "settimout"], "tcp:settimeout"),
        (["list", "--covers", "client:receive/partal"], "client:receive/partial"),
        (["show", "tcp/receive-line/partial-on-tmeout"], "tcp/receive-line/partial-on-timeout"),
        (["list", "--grep", "xyzzy"], "Leave one out"),
        (["list", "--grep", "half close"], "'luasocket-conformance explain half close' answers: How do I half-close"),
        (["show", "partial-on-timeout"], "3 behaviours begin with 'partial-on-timeout'"),
    ],
)
def test_an_unknown_name_has_similar_suggestions(printed, arguments: list[str], hint: str) -> None:  # type: ignore[no-untyped-def]
    assert hint in printed(*arguments, status=2)


def test_a_function_is_explained(printed) -> None:  # type: ignore[no-untyped-def]
    text = printed("explain", "client:receive")
    assert text.startswith("client:receive([pattern [, prefix]])\n    → data: string, nil, nil\n    → nil, err: ")
    assert "Raises an error on tcp{master}, tcp{server}." in text
    for part in (
        "the time is over, and something was transferred",
        'nil, "timeout", "hel"',
        '"closed"',
        "documentation and library disagree",
        "luasocket-conformance list --function client:receive",
    ):
        assert part in text


def test_a_bare_name_explains_all_functions_of_that_name(printed) -> None:  # type: ignore[no-untyped-def]
    text = printed("explain", "settimeout")
    assert "tcp:settimeout([value [, mode]])" in text
    assert "udp:settimeout([value [, mode]])" in text


def test_without_a_name_all_functions_are_listed(printed) -> None:  # type: ignore[no-untyped-def]
    lines = printed("explain").splitlines()
    assert any(line.startswith("socket.dns.toip(address)") for line in lines)
    assert len(lines) > 60


def test_the_coverage_of_a_function_shows_behaviours_and_waivers(printed) -> None:  # type: ignore[no-untyped-def]
    text = printed("coverage", "client:receive")
    assert "client:receive/partial-empty\n" in text
    assert "      tcp/receive-line/nothing-at-timeout\n" in text
    assert "      waived: A remark on performance without any bound." in text
    assert "the documentation has no statement" in printed("coverage", "tcp:gettimeout").lower()


@pytest.mark.parametrize("identity", ["tcp/receive-line/partial-on-timeo", "drops-carriage-returns-of-a-partial"])
def test_a_part_of_an_id_is_enough_where_it_is_unique(printed, identity: str) -> None:  # type: ignore[no-untyped-def]
    assert "- id: " in printed("show", identity)
