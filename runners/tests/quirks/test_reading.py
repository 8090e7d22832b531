"""Files of quirks: the loader is strict, and the schema for editors knows the same keys."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

import luasocket_spec
import pytest
import yaml
from jsonschema import Draft202012Validator
from luasocket_runners.quirks import QuirksError, load_quirks
from luasocket_runners.quirks.model import Message, Product, Quirks, Slice, concerns
from luasocket_runners.quirks.reading import parse_quirks
from luasocket_spec import model as m

SCHEMA: dict[str, Any] = json.loads(
    resources.files("luasocket_runners").joinpath("schema", "quirks.schema.json").read_text("utf-8")
)
VALIDATOR = Draft202012Validator(SCHEMA)
BEHAVIOURS = luasocket_spec.load().behaviours

GOOD = """\
quirks:
  - id: one-value
    says: send returns the last byte alone.
    why: https://example.org/1
    on: [client:send]
    expected: {returns: [$last, null, null]}
    returned: {returns: [$last]}
  - id: milliseconds
    says: Timeouts are in milliseconds.
    why: https://example.org/2
    on: [":settimeout"]
    expected: {with: [$seconds, $...]}
    returned: {with: [{product: [$seconds, 1000]}]}
    always: false
  - id: parts
    says: send takes no positions.
    why: https://example.org/5
    on: [client:send]
    expected: {with: [$data, $i, $...]}
    returned: {with: [{slice: [$data, $i, $...]}]}
  - id: other-text
    says: A timeout has another text.
    why: https://example.org/3
    on: [tcp, udp]
    expected: {message: timeout}
    returned: {message: "* timed out"}
  - id: raises
    says: A wrong pattern is no error.
    why: https://example.org/4
    on: [client:receive]
    expected: {raises: "invalid receive pattern"}
    returned: {returns: [null, {type: string}]}
  - id: several
    says: Without a connection, there is no descriptor.
    why: https://example.org/6
    on: [client:getfd]
    after: [":connect failed"]
    until: [":connect", other-text]
    returned: {returns: [null], or: [{returns: [-1]}, {raises: no descriptor}]}
"""


def parse(text: str) -> Quirks:
    return parse_quirks(text.encode(), "q.yaml", BEHAVIOURS)


def test_a_file_of_quirks() -> None:
    one, milliseconds, parts, text, raises, several = parse(GOOD).rules
    assert parts.passes == (Slice(m.Ref("data"), (m.Ref("i"), m.Splice())),)
    assert (one.id, one.on, one.always, one.with_) == ("one-value", ("client:send",), True, None)
    assert one.expected == m.Returns((m.Ref("last"), None, None))
    assert one.returned == m.Returns((m.Ref("last"),))
    assert milliseconds.with_ == (m.Ref("seconds"), m.Splice())
    assert milliseconds.passes == (Product(m.Ref("seconds"), 1000),)
    assert milliseconds.always is False
    assert (text.expected, text.returned) == (Message("timeout"), Message("* timed out"))
    assert raises.expected == m.Raises(b"invalid receive pattern")
    assert (several.after, several.until) == ((":connect failed",), (":connect", "other-text"))
    assert several.others == (m.Returns((-1,)), m.Raises(b"no descriptor"))
    assert str(one.source) == "q.yaml:2"


def test_the_schema_accepts_what_the_loader_accepts() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    VALIDATOR.validate(yaml.load(GOOD.replace("    on:", '    "on":'), yaml.SafeLoader))


SKELETON = """\
quirks:
  - id: x
    says: It differs.
    why: https://example.org/1
    on: [client:send]
    expected: {returns: [$last, null, null]}
    returned: {returns: [$last]}
"""


@pytest.mark.parametrize(
    ("old", "new", "line", "sentence"),
    [
        ("quirks:", "rules:", 1, "A file of quirks knows no key `rules`."),
        ("    why: https://example.org/1\n", "", 2, "A quirk lacks the key `why`: add it."),
        ("    why:", "    reason:", 4, "A quirk knows no key `reason`."),
        ("id: x", "id: Not so", 2, "The id `Not so` is not made of a-z, 0-9 and `-`"),
        ("[client:send]", "[]", 5, "`on` is empty: name the functions that the quirk concerns."),
        ("[client:send]", "[klient:send]", 5, "`klient` is not a class; the classes are master, client, "),
        ("[client:send]", "[client:sent]", 2, "The quirk `x` concerns no function that a behaviour calls: check `on`."),
        ("[client:send]", "[klient]", 2, "The quirk `x` concerns no function that a behaviour calls: check `on`."),
        (
            "{returns: [$last, null, null]}\n    returned: {returns: [$last]}",
            "{returns: [1, 2, 3, 4]}\n    returned: {returns: [1]}",
            2,
            "The quirk `x` changes nothing that a behaviour expects",
        ),
        ("[$last]", "[$first]", 7, "`$first` under `returned` is not a variable of `expected`"),
        ("[$last]", "[$..., $last]", 7, "`$...` stands for all that follows: write it at the end of the list."),
        ("[$last]", "[$...]", 7, "`$...` under `returned` is not a variable of `expected`"),
        ("{returns: [$last]}", "{}", 2, "`returned` has neither `with` nor an outcome"),
        ("{returns: [$last]}", "{returns: [1], raises: x}", 7, "`returned` has one of `returns`, `raises`"),
        ("{returns: [$last]}", "{with: [1]}", 7, "`expected` has an outcome, and `returned` has none"),
        ("{returns: [$last]}", "{message: x}", 7, "A `message` replaces a `message`"),
        ("    returned:", "    always: false\n    returned:", 8, "A quirk has `always` before `returned`"),
        ("{returns: [$last]}", "{returns: [$last]}\n    always: true", 8, "`always` can only be false"),
        ("{returns: [$last]}", "{returns: [{tpye: string}]}", 7, "Did you mean `type`?"),
        (
            "{returns: [$last]}",
            "{with: [{product: [$last, x]}], returns: [1]}",
            7,
            "`product` is a variable and a number",
        ),
        (
            "{returns: [$last]}",
            "{with: [{slice: [$last, 1]}], returns: [1]}",
            7,
            "`slice` is a variable and one or two positions",
        ),
        ("{returns: [$last]}", "{returns: [{size: $last}]}", 7, "`size` is a list"),
        ("{returns: [$last]}", "{returns: [{behind: [$last]}]}", 7, "`behind` has two variables"),
        ("{returns: [$last]}", "{returns: [{behind: [$last, x]}]}", 7, "`behind` has two variables"),
        ("{returns: [$last]}", "{returns: [{beginning: {behind: [x]}}]}", 7, "`behind` has two variables"),
        ("{returns: [$last]}", "{returns: [{beginning: $last, bytes: [3]}]}", 7, "`beginning` needs a variable"),
        ("{returns: [$last]}", "{returns: [{sum: [$last]}]}", 7, "`sum` has variables, sizes and numbers"),
        ("{returns: [$last]}", "{returns: [{sum: [$last, x]}]}", 7, "`sum` has variables, sizes and numbers"),
        ("{returns: [$last]}", "{returns: [{between: [x, {size: [$last]}]}]}", 7, "`between` has two bounds"),
        (
            "{returns: [$last]}",
            "{returns: [$last], or: [{with: [1]}]}",
            7,
            "An outcome under `or` knows no key `with`.",
        ),
        ("{returns: [$last]}", "{returns: [$last], or: [{}]}", 7, "`or` has outcomes"),
        ("{returns: [$last]}", "{or: [{returns: [1]}]}", 7, "`or` adds to an outcome: write that one first."),
        ("    expected:", "    until: [':close']\n    expected:", 6, "`until` ends what began by `after`"),
        ("id: x", "id: yes", 2, "`yes` is a boolean to some YAMLs"),
    ],
)
def test_a_mistake_has_a_place_and_a_sentence(old: str, new: str, line: int, sentence: str) -> None:
    assert SKELETON.count(old)
    with pytest.raises(QuirksError) as caught:
        parse(SKELETON.replace(old, new))
    problems = str(caught.value).splitlines()
    assert any(text.startswith(f"q.yaml:{line}: ") and sentence in text for text in problems), problems


def test_ids_are_unique() -> None:
    with pytest.raises(QuirksError, match=r"q\.yaml:8: The id `x` is that of line 2: choose another\."):
        parse(SKELETON + SKELETON.partition("\n")[2])


def test_a_rule_of_one_class_is_not_unused_because_of_a_rule_of_another_class() -> None:
    rules = """\
quirks:
  - id: masters-have-no-options
    says: A master has no options.
    why: https://example.org/1
    on: [master:setoption]
    returned: {raises: no options}
  - id: true-instead-of-1
    says: setoption returns true.
    why: https://example.org/2
    on: [client:setoption]
    expected: {returns: [1]}
    returned: {returns: [true]}
"""
    assert len(parse(rules).rules) == 2
    with pytest.raises(QuirksError, match=r"^q\.yaml:7: The quirk `true-instead-of-1` changes nothing"):
        parse(rules.replace("client:setoption", "master:setoption"))


@pytest.mark.parametrize("data", [b"", b"\xff", b"[" * 100_000, b"quirks: {a: b}", b"- x", b"\tq"])
def test_files_without_quirks(data: bytes) -> None:
    with pytest.raises(QuirksError, match=r"^q\.yaml:1: "):
        parse_quirks(data, "q.yaml", BEHAVIOURS)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(QuirksError, match="the quirks cannot be read: No such file or directory"):
        load_quirks(tmp_path / "nothing", BEHAVIOURS)
    with pytest.raises(QuirksError, match="the quirks cannot be read: the file has more than"):
        load_quirks(Path("/dev/zero"), BEHAVIOURS)


@pytest.mark.parametrize(
    ("name", "functions"),
    [
        ("client:receive", ["client:receive"]),
        (":receive", ["client:receive", "connected:receive", ":receive"]),
        ("tcp:re*", ["client:receive"]),
        ("udp", ["connected:receive"]),
        ("client", ["client:receive", "client:send"]),
        ("socket.*", ["socket.select"]),
        ("function", ["function"]),
        ("client.class", ["client.class"]),
        ("udp.class", ["connected.class"]),
        (".cl*", ["client.class", "connected.class", ".class"]),
        (
            "*",
            [
                *("client:receive", "client:send", "connected:receive", ":receive", "socket.select", "function"),
                *("client.class", "connected.class", ".class"),
            ],
        ),
    ],
)
def test_the_functions_that_a_name_means(name: str, functions: list[str]) -> None:
    known = ["client:receive", "client:send", "connected:receive", ":receive", "socket.select", "function"]
    known += ["client.class", "connected.class", ".class"]
    assert [function for function in known if concerns(name, function)] == functions
