"""The reference in the documentation's form: its signatures, and statements at the lines that obey them.

A citation is an id in a comment, ``client:receive/prefix``. Braces at its start stand for several classes or functions:
``{client,server}:getfd/closed``. After the word "Disagreement" in a comment, the line obeys the library, not the
statement.
"""

import io
import re
import tokenize
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from luasocket_reference import inet, luasocket
from luasocket_reference.auxiliar import Method
from luasocket_reference.lua.arguments import SELF
from luasocket_reference.lua.functions import Builtin
from luasocket_reference.tcp import Tcp
from luasocket_reference.udp import Udp
from luasocket_spec import load

CITATION = re.compile(r"(?P<functions>\{[^}]*\}|[\w.]+)(?P<rest>(?::\w+)?/[a-z0-9-]+)")

#: Functions and methods by name; those of which each dialect has another form come without a signature.
BUILTINS = {
    **{name: made for name, made in luasocket._FUNCTIONS.items() if made.__doc__},
    **{f"dns.{name}": made for name, made in inet.DNS.items()},
}
METHODS = {
    f"{kind.KIND}:{name}": method
    for kind in (Tcp, Udp)
    for name in kind.CLASSES
    if isinstance(method := getattr(kind, name), Method)
}


def citations_in(comment: str) -> Iterator[str]:
    """Return the ids that a comment cites."""
    for match in CITATION.finditer(comment):
        for function in match["functions"].strip("{}").split(","):
            yield function + match["rest"]


def comments() -> Iterator[tuple[str, str]]:
    """Return the comments of the reference, each after its place."""
    origin = find_spec("luasocket_reference").origin  # type: ignore[union-attr]
    root = Path(origin).parent  # type: ignore[arg-type]
    for path in sorted(root.rglob("*.py")):
        for token in tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline):
            if token.type == tokenize.COMMENT:
                yield f"{path.relative_to(root)}:{token.start[0]}", token.string


CITED = [(place, one) for place, comment in comments() for one in citations_in(comment)]


def test_braces_stand_for_several_statements() -> None:
    assert list(citations_in("# {client,server}:getfd/closed, {tcp,tcp6}/creates, dns.toip/error. See foo.")) == [
        "client:getfd/closed", "server:getfd/closed", "tcp/creates", "tcp6/creates", "dns.toip/error",
    ]  # fmt: skip


def test_each_citation_is_a_statement_that_is_not_waived() -> None:
    statements = load().statements
    unknown = [f"{place}: {one}" for place, one in CITED if one not in statements]
    assert not unknown, "no such statement:\n" + "\n".join(unknown)
    waived = [f"{place}: {one}" for place, one in CITED if statements[one].waived is not None]
    assert not waived, "a waived statement cannot be obeyed:\n" + "\n".join(waived)


def test_each_statement_that_is_not_waived_is_cited() -> None:
    cited = {one for _, one in CITED}
    missing = [one for one, statement in load().statements.items() if statement.waived is None and one not in cited]
    assert not missing, "cite these at the lines that obey them, or after 'Disagreement':\n" + "\n".join(missing)


def signature(doc: str | None) -> list[str]:
    """Return the names of the parameters in the first line of a docstring."""
    first = (doc or "").splitlines()[0]
    match = re.match(r"[\w.:]+\((?P<parameters>[^)]*)\) → \S", first)
    assert match is not None, f"no signature: {first}"
    names = re.split(r"[\[\], ]+", match["parameters"])
    return [name for name in names if name not in ("", "...")]


@pytest.mark.parametrize("name", BUILTINS)
def test_a_function_opens_with_its_signature(name: str) -> None:
    builtin = BUILTINS[name]
    assert isinstance(builtin, Builtin)
    assert signature(builtin.__doc__) == list(builtin.parameters)


@pytest.mark.parametrize("name", METHODS)
def test_a_method_opens_with_its_signature(name: str) -> None:
    method = METHODS[name]
    assert [SELF, *signature(method.__doc__)] == list(method.parameters)
