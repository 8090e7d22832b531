"""Rules proposed for single replies, and replies for which none is proposed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from luasocket_runners.quirks.model import HANGS, Quirk
from luasocket_runners.quirks.reading import parse_quirks
from luasocket_runners.quirks.rewriting import rewrite
from luasocket_runners.quirks.writing import HEADER, render
from luasocket_runners.result import Observation
from luasocket_runners.triage.proposals import arguments_pattern, propose
from luasocket_runners.triage.rule import Level, Rule, quirk_of
from luasocket_runners.values import Handle, LuaTable
from luasocket_spec.model import (
    Behaviour,
    Between,
    Call,
    Expectation,
    Keyed,
    OfType,
    OneOf,
    Outcome,
    PathTarget,
    Pattern,
    Raises,
    Reading,
    Ref,
    Returns,
    Source,
    Subtype,
    Succeeds,
    TableSpec,
    Takes,
)

TIMEOUT = Returns((None, b"timeout", b""))
OK = Returns((b"abc", None, None))
CLIENT, SERVER = Handle(7, "userdata"), Handle(8, "userdata")
NO_LIST = TableSpec(())
BAD = Raises(b"bad argument #1 to 'f'")


def seen(expected: Returns | Raises, reply: Any) -> Observation:
    if isinstance(reply, tuple):
        return Observation("socket.f", (), expected, reply)
    return Observation("socket.f", (), expected, None, reply)


@pytest.mark.parametrize(
    ("expected", "reply", "rules"),
    [
        (
            (NO_LIST, NO_LIST, b"timeout"), (None, None, b"timeout"),
            ["returns nil instead of an empty list as value 2", "returns nil instead of an empty list as value 1"],
        ),
        (
            (NO_LIST, Keyed((CLIENT,))), (None, LuaTable(((1, CLIENT),)), None),
            [
                "returns 3 values instead of 2 on success", "returns a list that is keyed by integers only as value 2",
                "returns nil instead of an empty list as value 1",
            ],
        ),
    ],
)  # fmt: skip
def test_each_difference_of_lists_is_a_rule_of_its_own(
    expected: tuple[Any, ...], reply: tuple[Any, ...], rules: list[str]
) -> None:
    spec, found, outcome = Returns(expected), list[Quirk](), Returns(expected)
    for says in rules:
        proposal = propose(replace(seen(outcome, reply), spec=spec))
        assert proposal is not None
        assert proposal.says == says
        found.append(quirk_of(f"x{len(found)}", [Rule(proposal, "socket.f", examples={"a": None})]))
        (changed,) = rewrite(found, (), spec, None)
        assert isinstance(changed.outcome, Returns)
        outcome = changed.outcome
    assert propose(replace(seen(outcome, reply), spec=spec)) is None


@pytest.mark.parametrize(
    ("args", "expected", "reply", "says", "types", "returned"),
    [
        (
            (b"*l", b"pre"), (b"preline", None, None), (b"line", None, None), "leaves the prefix out",
            '["nil", string]', "{returns: [{behind: [$prefix, $first]}, null, null]}",
        ),
        (
            (b"*a", b"pre"), (None, b"timeout", b"preda"), (None, b"timeout", b"da"), "leaves the prefix out",
            '["nil", string]', "{returns: [null, $second, {behind: [$prefix, $third]}]}",
        ),
        (
            (5, b"pre"), (b"preda", None, None), (b"predatas", None, None), "does not count the prefix among the bytes",
            "number", "{returns: [{beginning: $first, bytes: [$pattern, $prefix]}, null, null]}",
        ),
        (
            (5, b"pre"), (b"preda", None, None), (b"datas", None, None),
            "leaves the prefix out, and returns as many bytes more",
            "number", "{returns: [{beginning: {behind: [$prefix, $first]}, bytes: [$pattern]}, null, null]}",
        ),
    ],
)  # fmt: skip
def test_prefixes_of_receive_may_be_left_out_or_not_be_counted(
    args: tuple[Any, ...], expected: tuple[Any, ...], reply: tuple[Any, ...], says: str, types: str, returned: str
) -> None:
    proposal = propose(Observation("client:receive", args, Returns(expected), reply))
    assert proposal is not None
    assert proposal.says == says
    rule = Rule(proposal, "client:receive")
    rule.examples["a"] = None
    written = render([quirk_of("x", [rule])])
    assert "with: [$pattern, $prefix]" in written
    assert f"where: {{$pattern: {{type: {types}}}}}" in written
    assert f"    returned: {returned}\n" in written


@pytest.mark.parametrize(
    ("expected", "reply", "says", "yaml"),
    [
        (
            OK, (b"abc",), "returns 1 value instead of 3 on success",
            "expected: {returns: [$first, null, null]}\n    returned: {returns: [$first]}",
        ),
        (
            OK, (b"a\rbc",), "returns 1 value instead of 3 on success",  # the carriage return is another rule
            "expected: {returns: [$first, null, null]}\n    returned: {returns: [$first]}",
        ),
        (
            Returns((None, b"closed", 7)), (None, b"closed"), "returns 2 values instead of 3 on failure",
            "expected: {returns: [null, $second, {type: number}]}\n    returned: {returns: [null, $second]}",
        ),
        (
            Returns((None, b"closed", 0)), (None, b"closed"), "returns 2 values instead of 3 on failure",
            "expected: {returns: [null, $second, {type: number}]}\n    returned: {returns: [null, $second]}",
        ),
        (
            OK, (b"abc", None, None, 0.5), "returns 4 values instead of 3",
            ("expected: {returns: [$first, $second, $third]}\n"
             "    returned: {returns: [$first, $second, $third, {type: number}]}"),
        ),
        (
            TIMEOUT, (None, b"timeout"), "returns 2 values instead of 3 on failure",
            'expected: {returns: [null, $second, ""]}\n    returned: {returns: [null, $second]}',
        ),
        (
            TIMEOUT, (None, b"Connection timed out"), "returns 2 values instead of 3 on failure",
            'expected: {returns: [null, $second, ""]}\n    returned: {returns: [null, $second]}',
        ),
        (
            TIMEOUT, (None, b"Connection timed out", b""), "the error 'timeout' is 'Connection timed out'",
            'expected: {message: "timeout"}\n    returned: {message: "Connection timed out"}',
        ),
        (
            OK, b"main.lua:17: expected 40123 at 0x7f3a", "raises '*expected * at *' instead of returning",
            'expected: {returns: [$...]}\n    returned: {raises: "*expected * at *"}',
        ),
        (
            TIMEOUT, b"oops", "raises 'oops' instead of returning",
            'expected: {returns: [null, $...]}\n    returned: {raises: "oops"}',
        ),
        (
            BAD, (None, b"bad"), "returns instead of raising \"bad argument #* to '*'\"",
            "expected: {raises: \"bad argument #* to '*'\"}\n    returned: {returns: [null, \"bad\"]}",
        ),
        (
            BAD, b"no", "the error \"bad argument #* to '*'\" is 'no'",
            "expected: {message: \"bad argument #* to '*'\"}\n    returned: {message: \"no\"}",
        ),
        (
            Returns((1,)), (True,), "returns true instead of 1",
            "expected: {returns: [1]}\n    returned: {returns: [true]}",
        ),
        (
            Returns((-1, 3)), (0, 3), "returns 0 instead of -1 as value 1",
            "expected: {returns: [{type: number}, $second]}\n    returned: {returns: [0, $second]}",
        ),
        (
            Returns((OfType(("object",)),)), (1, Handle(7, "userdata")), "returns 2 values instead of 1 on success",
            "expected: {returns: [{type: object}]}\n    returned: {returns: [1, {type: object}]}",
        ),
        (
            Returns((None, b"timeout", b"ab")), (None, b"timeout", b"abab"), "returns the data twice",
            ('expected: {returns: [null, "timeout", $third]}\n'
             '    returned: {returns: [null, "timeout", {concat: [$third, $third]}]}'),
        ),
        (
            Returns((b"ab", None)), (b"a\rb\r", None), "has other carriage returns in the data",
            'expected: {returns: [$first, null]}\n    returned: {returns: [{ignoring: ["\\x0d", $first]}, null]}',
        ),
        (
            Returns((None, b"closed", b"ab")), (b"ab",),
            "returns the data received so far as a success, where LuaSocket returns nil and 'closed'",
            'expected: {returns: [null, "closed", $partial]}\n    returned: {returns: [$partial]}',
        ),
        (
            TIMEOUT, (b"", None, None),
            "returns the data received so far as a success, where LuaSocket returns nil and 'timeout'",
            'expected: {returns: [null, "timeout", $partial]}\n    returned: {returns: [$partial, null, null]}',
        ),
        (
            Returns((Keyed((CLIENT,)), NO_LIST)), (LuaTable(((1, CLIENT),)), LuaTable(())),
            "returns a list that is keyed by integers only as value 1",
            "expected: {returns: [$first, $...]}\n    returned: {returns: [{listed: $first}, $...]}",
        ),
        (
            Returns((OneOf((Keyed((CLIENT,)), Keyed((SERVER,)))),)), (LuaTable(((1, SERVER),)),),
            "returns a list that is keyed by integers only as value 1",
            "expected: {returns: [$first, $...]}\n    returned: {returns: [{listed: $first}, $...]}",
        ),
        (
            Returns((None, b"Bad file descriptor")), (None, CLIENT), "returns an object instead of a string as value 2",
            "expected: {returns: [null, {type: string}]}\n    returned: {returns: [null, {type: object}]}",
        ),
        (
            Returns((1,)), (None, b"NYI"), "says that it is not implemented", 'returned: {returns: [null, "NYI"]}',
        ),
        (
            Raises(b"string expected"), b"bad argument #1 to 'write' (Empty array not supported)",
            "the error 'string expected' is \"bad argument #* to '*' (Empty array not supported)\"",
            ("expected: {message: \"string expected\"}\n"
             "    returned: {message: \"bad argument #* to '*' (Empty array not supported)\"}"),
        ),
        (
            Returns((None,) * 9), (None,) * 8, "returns 8 values instead of 9 on failure",
            (f"expected: {{returns: [{', '.join(['null'] * 9)}]}}\n"
             f"    returned: {{returns: [{', '.join(['null'] * 8)}]}}"),
        ),
    ],
)  # fmt: skip
def test_a_proposal_explains_its_reply_and_can_be_read_again(
    expected: Returns | Raises, reply: Any, says: str, yaml: str
) -> None:
    proposal = propose(seen(expected, reply))
    assert proposal is not None
    assert proposal.says == says
    quirk = Quirk(
        "x", "S.", "W.", ("socket.f",), None, proposal.expected, None, proposal.returned, True, Source("q.yaml", 3)
    )
    text = HEADER.format(schema="s.json") + render([quirk])
    assert f"    {yaml}\n" in text
    assert parse_quirks(text.encode(), "q.yaml", [behaviour(expected)]).rules == (quirk,)
    (made,) = rewrite((quirk,), (), expected, None)
    assert made.quirks == ("x",)


def behaviour(expected: Returns | Raises) -> Behaviour:
    """A behaviour with one call of a function, of which this is expected."""
    source = Source("behaviours/x.yaml", 1)
    expectation = Expectation(((Reading(), expected),))
    call = Call(PathTarget("socket.f"), (), expectation, (), Takes(), (), source)
    return Behaviour(
        id="x", about="x", says="S.", hint=None, covers=(), authority="observed", dialects=("luasocket-3",), needs=(),
        given=(), functions={}, disagrees=None, steps=(call,), source=source,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("expected", "yaml"),
    [
        (OK, "returns: [{type: string}, null, null]"),
        (TIMEOUT, 'returns: [null, "timeout", $...]'),
        (Returns(()), "returns: []"),
        (Returns((OfType(("nil", "string")), 7)), 'returns: [{type: ["nil", string]}, {type: number}]'),
        (BAD, "raises: \"bad argument #* to '*'\""),
        (Succeeds(), "succeeds: true"),
    ],
)
def test_a_call_that_hangs(expected: Outcome, yaml: str) -> None:
    proposal = propose(Observation("socket.f", (), expected, None, hangs=True))
    assert proposal is not None
    quirk = Quirk(
        "x", "S.", "W.", ("socket.f",), None, proposal.expected, None, proposal.returned, True, Source("q.yaml", 3)
    )
    text = HEADER.format(schema="s.json") + render([quirk])
    assert f"    expected: {{{yaml}}}\n    returned: {{hangs: true}}\n" in text
    if not isinstance(expected, Succeeds):
        assert parse_quirks(text.encode(), "q.yaml", [behaviour(expected)]).rules
    (made,) = rewrite((quirk,), (), expected, None)
    assert made.outcome == HANGS


@pytest.mark.parametrize(
    ("subject", "expected", "reply", "says", "yaml"),
    [
        (
            "client.class", b"tcp{client}", None, "is nil instead of a string",
            "expected: {returns: [{type: string}]}\n    returned: {returns: [null]}",
        ),
        (
            "client.class", b"tcp{client}", b"tcp{master}", 'is "tcp{master}" instead of "tcp{client}"',
            'expected: {returns: ["tcp{client}"]}\n    returned: {returns: ["tcp{master}"]}',
        ),
        (
            ".shutdown", None, Handle(7, "function"), "is a function instead of nil",
            "expected: {returns: [null]}\n    returned: {returns: [{type: function}]}",
        ),
        (
            "tostring", Pattern("^tcp[{]client[}]: "), b"table: 0x55e15912d2f0",
            "matches /^table: /",
            'expected: {returns: [{type: string}]}\n    returned: {returns: [{pattern: "^table: "}]}',
        ),
        (
            "tostring", Pattern("^tcp[{]client[}]: "), b"cdata<struct T *>: 0x55e15912d2f0",
            "matches /^cdata<struct T [*]>: /",
            'expected: {returns: [{type: string}]}\n    returned: {returns: [{pattern: "^cdata<struct T [*]>: "}]}',
        ),
        (
            "tostring", Pattern("^tcp[{]client[}]: "), b"a socket", 'is "a socket" instead of a string',
            'expected: {returns: [{type: string}]}\n    returned: {returns: ["a socket"]}',
        ),
    ],
)  # fmt: skip
def test_what_an_object_says_of_itself(subject: str, expected: Any, reply: Any, says: str, yaml: str) -> None:
    proposal = propose(Observation(subject, (), Returns((expected,)), (reply,)))
    assert proposal is not None
    assert proposal.says == says
    quirk = Quirk("x", "S.", "W.", (subject,), None, proposal.expected, None, proposal.returned, True, Source("q", 3))
    assert f"    {yaml}\n" in render([quirk])
    (made,) = rewrite((quirk,), (), Returns((expected,)), None)
    assert made.quirks == ("x",)


@pytest.mark.parametrize(
    ("wanted", "raised", "says"),
    [
        (b"#1 to 'f' (x", b"argument #2 to '?' (x", "the error \"#1 to '*' (x\" is \"argument #2 to '*' (x\""),
        (b"#1 to 'f' (x", b"argument #1 to '?' (x", "the error \"#1 to 'f' (x\" is \"argument #1 to '?' (x\""),
        (b"at 40123: no", b"m.lua:3: at 40124: no way", "the error 'at *: no' is '*at *: no way'"),
    ],
)  # fmt: skip
def test_texts_that_differ_in_a_number_keep_it(wanted: bytes, raised: bytes, says: str) -> None:
    proposal = propose(seen(Raises(wanted), raised))
    assert proposal is not None
    assert proposal.says == says


@pytest.mark.parametrize(
    ("expected", "reply"),
    [
        (OK, (b"abd", None, None)),  # other data
        (OK, (None, b"closed", b"")),  # it fails
        (TIMEOUT, (b"abc", None, None)),  # it succeeds
        (Returns((Keyed((CLIENT,)),)), (LuaTable(((1, SERVER),)),)),  # another object
        (Returns((Keyed((CLIENT,)),)), (None,)),  # nothing is ready
        (Returns((7,)), (6,)),  # another count
        (Returns((7, None)), (6,)),
        (Returns((7, None)), (1,)),
        (TIMEOUT, (None, b"timeout", b"abc")),  # other data
        (Returns((OfType(("number",)), b"x")), (1, b"y")),
        (Returns((Between(Ref("low"), Ref("high")),)), (7,)),  # the bounds are not known any more
        (Returns((Subtype("float", 5),)), (5,)),
        (Returns((b"x", LuaTable(((b"a", 1),)))), (b"x", LuaTable(((b"a", 2),)))),  # a table that was bound
    ],
)
def test_faults_are_no_rules(expected: Returns, reply: tuple[Any, ...]) -> None:
    assert propose(seen(expected, reply)) is None


def test_a_call_that_hangs_where_any_value_is_right_is_no_rule() -> None:
    expected = Returns((OfType(("any",)), OfType(("any",))))
    assert propose(Observation("socket.f", (), expected, None, hangs=True)) is None


def test_patterns_of_arguments_have_words_and_no_ports() -> None:
    args = (b"*l", b"54321", b"10", b"r", None, True, 7, b"two words")
    string, number = OfType(("string",)), OfType(("number",))
    assert arguments_pattern(args) == (b"*l", string, b"10", b"r", None, True, number, string)


def test_a_rule_that_holds_sometimes_lists_few_words() -> None:
    made = []
    for count in (3, 20):
        proposal = propose(seen(OK, b"oops"))
        assert proposal is not None
        rule = Rule(proposal, "socket.f", arguments={(b"w%d" % number,): None for number in range(count)})
        rule.level = Level.SOMETIMES
        rule.examples["test/x"] = None
        made.append(quirk_of("x", [rule]).with_)
    assert made == [(OneOf((b"w0", b"w1", b"w2")),), (OfType(("string",)),)]


def test_long_rules_are_broken_into_lines() -> None:
    names = tuple(f"client:{letter * 20}" for letter in "abcdefgh")
    quirk = Quirk(
        "x", "S " * 100, "W.", names, tuple(OfType(("string", "number")) for _ in range(9)), TIMEOUT, None,
        Raises(None, OfType(("any",))), False, Source("q.yaml", 3),
    )  # fmt: skip
    lines = render([quirk]).splitlines()
    assert max(map(len, lines)) <= 120
    assert "    always: false" in lines
