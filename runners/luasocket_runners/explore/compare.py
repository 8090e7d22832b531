"""Compares the outcomes of a step on two implementations, except for values that always differ.

Two implementations never have the same ephemeral ports, descriptors and addresses of objects. The first time that both
give such a value at the same place, the two are taken to stand for each other; from then on, they have to.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from luasocket_spec import model

from luasocket_runners.engine.matcher import WITHOUT_NAMES
from luasocket_runners.explore.steps import Call, Get, Outcome, PeerAct, Step
from luasocket_runners.values import FunctionRef, Handle, LuaTable

#: Methods whose results hold the number of a port, which the system has chosen.
_GIVE_PORTS: Final = frozenset({"getsockname", "getpeername", "receivefrom"})
#: The lowest port that the system chooses; a lower one is the same everywhere.
_EPHEMERAL: Final = 1024
#: Functions whose result is a time or a duration, the index of that result, and how many seconds two may be apart. A
#: program takes a second, and a busy machine may take more.
_TIMES: Final = {"socket.gettime": (0, 3600.0), "getstats": (2, 20.0)}
#: Options whose value the system changes as it likes: it doubles, rounds and adapts the sizes of buffers.
_INEXACT: Final = frozenset({b"recv-buffer-size", b"send-buffer-size"})
#: A field that tells the two implementations from each other.
_VERSION: Final = "socket._VERSION"
#: The prefix of the text of an error that Lua raises: the place in the program, again where it is raised again.
_PLACE: Final = re.compile(rb"^(?:[^\n:]*:\d+: )+")
#: The address of an object, as tostring writes it.
_ADDRESS: Final = re.compile(rb"(?:0x|: )[0-9a-f]{6,}\b")
#: A number that is none, as C writes it; its sign is the processor's.
_NAN: Final = re.compile(rb"-?\bnan\b")
#: An argument's error. Its number and the function's name depend on how the adapter calls: a port in Lua counts the
#: object, too, and one in C says "bad self". The reason is the same everywhere.
_BAD_ARGUMENT: Final = re.compile(
    rb"(?:bad argument #-?\d+ to '[^']*'|calling '[^']*' on bad self)(?: \((.*)\))?$", re.DOTALL
)

#: Functions without an object, of which no adapter changes the number of an argument.
_NUMBERED: Final = frozenset({"socket.select", "socket.connect", "socket.skip", "socket.sleep"})
_NUMBER: Final = re.compile(rb"bad argument #(\d+) to ")

#: An operation on a value that does not have it. Only some Luas say which variable has it, each in words of its own.
_ATTEMPT: Final = re.compile(
    rb"^(attempt to [a-z ]+?) (?:(?:local|upvalue|field|global|method|constant) '[^']*' )?"
    rb"\(?(an? [a-z]+ value)\)?(?: \(.*\))?$"
)
#: The name of an object of another class differs between releases and Luas; which class is expected does not.
_GOT: Final = re.compile(rb"(?<=\} expected), got .*", re.DOTALL)


#: Messages that LuaSocket words; all others come from the C library.
_OWN_MESSAGES: Final = frozenset(
    [b"timeout", b"closed", b"refused", b"connection refused", b"already connected", b"address already in use",
     b"permission denied", b"host not found"]
)  # fmt: skip
#: The words for results that differ only so.
SUBTYPE: Final = "an integer instead of a float, or the reverse"
#: How the words for a difference in calls of functions begin.
CALLED: Final = "it called"
#: The functions that a step called, each with its arguments.
Calls = Sequence[tuple[str, tuple[object, ...]]]


def _name(call: tuple[str, tuple[object, ...]]) -> str:
    return call[0]


def error_text(text: bytes) -> bytes:
    """Return the text of a raised error without places, variables, numbers of arguments, functions and addresses."""
    text = _ATTEMPT.sub(rb"\1 \2", _PLACE.sub(b"", text))
    if found := _BAD_ARGUMENT.search(text):
        text = b"bad argument: " + _GOT.sub(b"", found[1] or b"")
    return _without_machine(text)


def _without_machine(text: bytes) -> bytes:
    return _NAN.sub(b"nan", _ADDRESS.sub(b"0x", text))


class Comparison:
    """The values of two implementations that stand for each other, in one program.

    Parameters
    ----------
    in_lua
        Whether the port runs in a Lua whose version is known. Whether a fraction is taken for an integer depends on it.
    same_texts
        Whether the port has the system's messages in the same words as the reference; else only those that LuaSocket
        itself words are compared.
    subtypes
        Whether integers and floats of the same value are different numbers on both sides.
    """

    def __init__(self, *, in_lua: bool = True, same_texts: bool = True, subtypes: bool = False) -> None:
        self._in_lua = in_lua
        self._same_texts = same_texts
        self._subtypes = self._exact = subtypes
        self._tolerated: set[str] = set()
        self._pairs: dict[object, object] = {}
        self._partners: dict[object, object] = {}

    def reset(self) -> None:
        """Forget the values of the last program."""
        self._pairs.clear()
        self._partners.clear()

    def pair(self, one: object, other: object) -> bool:
        """Take two values to stand for each other; False if one of them stands for another value already."""
        return self._pairs.setdefault(one, other) == other and self._partners.setdefault(other, one) == one

    def difference(self, step: Step, expected: Outcome, actual: Outcome) -> str | None:
        """Return the difference in a few words; None if there is none."""
        if not self._in_lua and _is_integer_error(expected):
            return None
        self._exact = self._subtypes and step.label not in self._tolerated
        words = self._difference(step, expected, actual)
        if words is None or not self._exact:
            return words
        self._exact = False
        return words if self._difference(step, expected, actual) is not None else SUBTYPE

    def tolerate_subtypes(self, label: str) -> None:
        """Take integers for floats, and floats for integers, in the results of a function from now on."""
        self._tolerated.add(label)

    def _difference(self, step: Step, expected: Outcome, actual: Outcome) -> str | None:
        if expected.kind != actual.kind:
            return f"{actual.kind} instead of {expected.kind}"
        if expected.kind == "raised":
            words = self._raised(step, expected.values[0], actual.values[0])
            return words or self._called(step, expected.calls, actual.calls)
        if expected.kind == "saw":
            return self._saw(step, expected, actual)
        if len(expected.values) != len(actual.values):
            return f"{len(actual.values)} values instead of {len(expected.values)}"
        failed = expected.values[:1] == actual.values[:1] == (None,)
        for index, (one, other) in enumerate(zip(expected.values, actual.values, strict=True)):
            if failed and index == 1 and self._is_message_of_system(one) and isinstance(other, bytes):
                continue
            if not self._same_result(step, index, one, other):
                return f"result {index + 1} differs"
        return self._called(step, expected.calls, actual.calls)

    def _is_message_of_system(self, value: object) -> bool:
        return not self._same_texts and isinstance(value, bytes) and value not in _OWN_MESSAGES

    def _called(self, step: Step, expected: Calls, actual: Calls) -> str | None:
        if isinstance(step, Call) and step.path == "socket.select":
            # the order in which it asks the objects of two lists is its own affair
            expected, actual = sorted(expected, key=_name), sorted(actual, key=_name)
        if list(map(_name, expected)) != list(map(_name, actual)):
            return f"{CALLED} other functions, or in another order"
        for (_, one), (_, other) in zip(expected, actual, strict=True):
            if len(one) != len(other) or not all(map(self._same, one, other)):
                return f"{CALLED} a function with other arguments"
        return None

    def _raised(self, step: Step, one: object, other: object) -> str | None:
        if isinstance(one, bytes) and isinstance(other, bytes):
            if error_text(one) != error_text(other):
                return "another error"
            mine, theirs = _NUMBER.search(one), _NUMBER.search(other)
            same = mine is None or theirs is None or mine[1] == theirs[1]
            return None if same or step.label not in _NUMBERED else "another argument is blamed"
        if _may_be_exception(one) and isinstance(other, Handle | LuaTable):
            return None  # the value that try raises is the port's own affair
        return None if self._same(one, other) else "another error value"

    def _saw(self, step: Step, expected: Outcome, actual: Outcome) -> str | None:
        if expected.sentence or actual.sentence:
            return None if bool(expected.sentence) == bool(actual.sentence) else "the peer saw something else"
        if isinstance(step, PeerAct) and step.verb in ("collect", "end"):
            if expected.values[0] != actual.values[0] and not _may_lack_bytes(expected, actual):
                return "other bytes arrived"
            if step.verb == "end" and expected.values[1] != actual.values[1]:
                return "the connection ended otherwise"
        return None

    def _same_result(self, step: Step, index: int, one: object, other: object) -> bool:
        if not isinstance(step, Call):
            versions = isinstance(step, Get) and step.object is None and step.path == _VERSION
            return (bool(other) and type(one) is type(other)) if versions else self._same(one, other)
        if step.path in _TIMES and _TIMES[step.path][0] == index:
            return _are_close(one, other, _TIMES[step.path][1]) and self._same_type(one, other)
        if step.path == "getoption" and step.args[:1] and step.args[0] in _INEXACT and _is_number(one):
            return _is_number(other)
        if step.path == "getfd" and _is_number(one) and _is_number(other):
            return _valid(one) == _valid(other) and self._same_type(one, other)
        if step.path == "socket.select" and isinstance(one, LuaTable) and isinstance(other, LuaTable):
            return self._same_selection(one, other)
        if step.path in _GIVE_PORTS:
            mine, theirs = _port(one), _port(other)
            if mine is not None and theirs is not None and (mine != theirs or ("port", mine) in self._pairs):
                return type(one) is type(other) and self.pair(("port", mine), ("port", theirs))
        if not step.path and type(one) is type(other):  # a function may return what a call inside it has returned
            mine, theirs = _port(one), _port(other)
            if mine is not None and self._pairs.get(("port", mine)) == ("port", theirs):
                return True
        return self._same(one, other)

    def _same(self, one: object, other: object) -> bool:
        if isinstance(one, model.MatcherSpec):  # a quirk expects it
            return WITHOUT_NAMES.value(one, other) is None  # type: ignore[arg-type]
        if isinstance(one, Handle) and isinstance(other, Handle):
            # a port's objects may be tables
            alike = (one.type == "function") == (other.type == "function")
            return alike and self.pair(("handle", one.number), ("handle", other.number))
        if isinstance(one, LuaTable) and isinstance(other, LuaTable):
            return self._same_table(one, other)
        if isinstance(one, bytes) and isinstance(other, bytes):
            return one == other or _without_machine(one) == _without_machine(other)
        if isinstance(one, bool) or isinstance(other, bool) or isinstance(one, FunctionRef):
            return one is other or (isinstance(one, FunctionRef) and one == other)
        if _is_number(one) and _is_number(other):
            equal = one == other or (one != one and other != other)
            return equal and self._same_type(one, other)
        return type(one) is type(other) and one == other

    def _same_type(self, one: object, other: object) -> bool:
        """Tell whether two numbers are of the same subtype, as far as that counts."""
        return not self._exact or type(one) is type(other)

    def _same_table(self, one: LuaTable, other: LuaTable) -> bool:
        """Compare two tables, whose entries come in any order; keys that are handles go by their partners."""
        if len(one.entries) != len(other.entries):
            return False
        rest = list(other.entries)
        for key, item in sorted(one.entries, key=lambda entry: isinstance(entry[0], Handle)):
            match = next((entry for entry in rest if self._key(key, entry[0]) and self._same(item, entry[1])), None)
            if match is None:
                return False
            rest.remove(match)
        return True

    def _same_selection(self, one: LuaTable, other: LuaTable) -> bool:
        """Compare two tables of ``select``, whose objects come in the order of their descriptors: any order."""
        mine, theirs = _selected(one), _selected(other)
        if mine is None or theirs is None:
            return mine is theirs and self._same_table(one, other)
        partners = [self._pairs.get(("handle", number)) for number in mine]
        return sorted(partners, key=repr) == sorted((("handle", number) for number in theirs), key=repr)

    def _key(self, one: object, other: object) -> bool:
        """Tell whether two keys are the same, without taking any to stand for each other."""
        if isinstance(one, Handle) and isinstance(other, Handle):
            mine, theirs = ("handle", one.number), ("handle", other.number)
            return self._pairs.get(mine, theirs) == theirs and self._partners.get(theirs, mine) == mine
        return self._same(one, other)


def _may_lack_bytes(expected: Outcome, actual: Outcome) -> bool:
    """Tell whether a reset explains that one peer has got less: it drops what was under way, or had no room."""
    shorter, longer = sorted((expected, actual), key=lambda outcome: len(outcome.values[0]))  # type: ignore[arg-type]
    return shorter.values[1] == "reset" and bool(longer.values[0].startswith(shorter.values[0]))  # type: ignore[attr-defined]


def _is_integer_error(outcome: Outcome) -> bool:
    """Tell whether a number was refused because it is no integer, as only Lua 5.3 and later do."""
    value = outcome.values[0] if outcome.kind == "raised" else None
    return isinstance(value, bytes) and b"number has no integer representation" in value


def _may_be_exception(value: object) -> bool:
    """Tell whether a raised value may come from ``try``: the reference raises a table that no program has made."""
    if isinstance(value, Handle):
        return value.type == "table"
    return isinstance(value, LuaTable) and all(key == 1 for key, _ in value.entries)


def _selected(table: LuaTable) -> list[int] | None:
    """Return the handles in a doubly keyed table, in order; None if it is not one."""
    entries = dict(table.entries)
    listed: list[int] = []
    while isinstance(item := entries.get(len(listed) + 1), Handle):
        listed.append(item.number)
    positions = {key.number: item for key, item in table.entries if isinstance(key, Handle)}
    if len(table.entries) != len(listed) + len(positions) or positions.keys() != set(listed):
        return None
    found = {key: entries.get(at) for key, at in positions.items()}
    return listed if all(isinstance(item, Handle) and item.number == key for key, item in found.items()) else None


def is_port(step: Step, value: object) -> bool:
    """Tell whether a result is the number of a port that the system has chosen."""
    return isinstance(step, Call) and step.path in _GIVE_PORTS and _port(value) is not None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _are_close(one: object, other: object, seconds: float) -> bool:
    """Tell whether two numbers differ by no more than so many seconds."""
    if not isinstance(one, int | float) or not isinstance(other, int | float) or isinstance(other, bool):
        return False
    return one == other or (one != one and other != other) or abs(one - other) <= seconds


def _valid(value: object) -> bool:
    return isinstance(value, int | float) and value >= 0


def _port(value: object) -> int | None:
    """Return the number of an ephemeral port, which may come as a string; None for anything else."""
    if isinstance(value, bytes) and value.isdigit() and len(value) <= 5:
        value = int(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and _EPHEMERAL <= value < 1 << 16:
        return int(value)
    return None
