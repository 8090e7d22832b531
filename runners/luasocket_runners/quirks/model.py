"""The quirks of a port as immutable objects, and which of them concern a function."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from luasocket_spec.model import OneOf, Outcome, Raises, Ref, Returns, Source, SpecValue, Value

from luasocket_runners.function_names import ALL_CLASSES, CLASSES, GROUPS, concerns

__all__ = [
    "ALL_CLASSES", "CLASSES", "GROUPS", "HANGS", "KEPT", "NO_QUIRKS", "Beginning", "Behind", "Ending", "Ignoring",
    "Kept", "Listed", "Message", "Product", "Quirk", "Quirks", "QuirksError", "Slice", "Sum", "concerns", "is_function",
    "last_time", "shape_of",
]  # fmt: skip

#: The outcome of a call that does not return: no reply is like it.
HANGS: Final = Raises(None, OneOf(()))
#: The name of what an object has kept back, in a run: see :class:`Kept`. No behaviour can bind it.
KEPT: Final = Ref("kept back")


class QuirksError(Exception):
    """A file of quirks cannot be used; the text has a line ``file:line: sentence`` for each problem."""


@dataclass(frozen=True, slots=True)
class Product(Value):
    """A number multiplied by a factor; only in the arguments that a quirk passes."""

    value: SpecValue
    factor: float


@dataclass(frozen=True, slots=True)
class Slice(Value):
    """The part of a string between two positions, as ``string.sub`` counts, among the arguments that a quirk passes.

    ``positions`` are variables: the first byte and perhaps the last one, or the rest of the arguments. If it is
    ``counted``, it is the number of its bytes, among the results.
    """

    value: Ref
    positions: tuple[SpecValue, ...]
    counted: bool = False


@dataclass(frozen=True, slots=True)
class Ignoring(Value):
    """The string of a variable, with these bytes in any places; only in the results that a port returns."""

    ignored: bytes
    value: Ref


@dataclass(frozen=True, slots=True)
class Ending(Value):
    """A string that ends with that of a variable; only in the results that a port returns."""

    value: Ref


@dataclass(frozen=True, slots=True)
class Kept(Value):
    """The string of a variable behind those that earlier calls on the object have kept back; only in results.

    They are the strings that LuaSocket returned there, and that rules left out, since they came the last time.
    """

    value: Ref


@dataclass(frozen=True, slots=True)
class Behind(Value):
    """The string of a variable without the prefix that it begins with; only in the results that a port returns."""

    prefix: Ref
    value: Ref


@dataclass(frozen=True, slots=True)
class Beginning(Value):
    """A string that begins with that of a variable; only in the results that a port returns.

    It has as many bytes as ``sizes`` together, or ``fewer``; a number counts itself and a string its bytes. Without
    them, it has any number.
    """

    value: Ref | Behind
    sizes: tuple[Ref, ...] = ()
    fewer: bool = False


@dataclass(frozen=True, slots=True)
class Sum(Value):
    """The sum of numbers, of variables and of the numbers of bytes of parts; only in the results of a port."""

    parts: tuple[Ref | Slice | float, ...]


@dataclass(frozen=True, slots=True)
class Listed(Value):
    """The list of a variable that is keyed by its items, too, without those keys; only in the results of a port."""

    value: Ref


@dataclass(frozen=True, slots=True)
class Message:
    """The text of an error, returned behind nil or false, or raised; ``*`` stands for any text."""

    glob: str


@dataclass(frozen=True, slots=True)
class Quirk:
    """A rule: where the spec expects one thing of a call, the port does another.

    Attributes
    ----------
    id, says, why
        The name, the rule in a sentence, and a reason with a link.
    on
        The functions: ``socket.select``, ``client:receive``, ``:settimeout`` of any class, ``client`` for all methods
        of a class, ``function`` for functions that calls returned, ``client.class`` for a field, ``peer:accept`` for
        an action of peers; ``*`` as in file names.
    with_
        The pattern of the arguments; None: any.
    where
        Patterns of the values of variables; of ``...``, that of one of the values that follow.
    after
        The rule concerns only objects that one of these functions was called on or has returned, or on which one of
        these rules was needed; empty: all. ``:connect failed`` is a call that returned nil or false first.
    until
        It concerns such an object until one of these names comes later in its past. With ``leaks``, see there.
    before
        The rule does not concern objects for which the same is true of one of these names.
    expected
        The pattern of the outcome that the spec expects; None: any outcome, which stays.
    passes
        The arguments that are passed instead; None: the same.
    returned
        The outcome of the port, :data:`HANGS` if the call does not return; None: that of the spec.
    others
        Further outcomes that the port may have instead of that one.
    omitted
        Whether a call that hangs by the rule is not made, if other steps follow.
    early
        Whether the call may return before the time that a behaviour requires.
    leaks
        The number of descriptors that each call leaves open: to the end of the behaviour, or until one of the names
        under ``until`` comes in the past of the object that the call has returned, or was made on.
    always
        Whether the port always follows the rule; otherwise it may also do what the spec expects.
    source
        The place in the file.
    """

    id: str
    says: str
    why: str
    on: tuple[str, ...]
    with_: tuple[SpecValue, ...] | None
    expected: Outcome | Message | None
    passes: tuple[SpecValue, ...] | None
    returned: Outcome | Message | None
    always: bool
    source: Source
    after: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    until: tuple[str, ...] = ()
    others: tuple[Outcome | Message, ...] = ()
    where: tuple[tuple[str, SpecValue], ...] = ()
    early: bool = False
    omitted: bool = False
    leaks: int = 0

    @property
    def returns_kept(self) -> bool:
        """Whether the port returns what earlier calls have kept back."""
        outcomes = (self.returned, *self.others)
        return any(isinstance(one, Returns) and any(isinstance(v, Kept) for v in one.values) for one in outcomes)

    @property
    def lacks_function(self) -> bool:
        """Whether the rule says that the function is not there: Lua raises this error when it is called."""
        text = self.returned.part if isinstance(self.returned, Raises) else None
        return text is not None and b"attempt to call a nil value" in text


@dataclass(frozen=True, slots=True)
class Quirks:
    """The quirks of a port, in the order of the file; without a file, none."""

    file: str = ""
    rules: tuple[Quirk, ...] = ()
    _found: dict[str, tuple[Quirk, ...]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def of(self, function: str, past: Collection[str] | None = None) -> tuple[Quirk, ...]:
        """Return the quirks that concern a function, in the order of the file.

        Parameters
        ----------
        past
            The functions that were called on the object or have returned it, and the quirks that were needed there,
            each with the number of its last call, if that is known. None: all quirks count, whatever they come after
            or before.
        """
        if not self.rules:
            return ()
        found = self._found.get(function)
        if found is None:
            found = tuple(quirk for quirk in self.rules if any(concerns(name, function) for name in quirk.on))
            self._found[function] = found
        if past is None or not any(quirk.after or quirk.before for quirk in found):
            return found
        return tuple(
            quirk
            for quirk in found
            if (not quirk.after or _lasts(quirk, past)) and not any(_came(name, past) for name in quirk.before)
        )


def is_function(name: str) -> bool:
    """Tell whether a name under ``after`` or ``before`` is that of a function, and not of a quirk."""
    return ":" in name or "." in name


def _came(name: str, past: Collection[str]) -> bool:
    """Tell whether a function or a quirk is in a past."""
    if not is_function(name):
        return name in past
    return any(concerns(name, item) for item in past)


def _lasts(quirk: Quirk, past: Collection[str]) -> bool:
    """Tell whether a name under ``after`` is in the past, and none under ``until`` came later."""
    if not quirk.until or quirk.leaks or not isinstance(past, Mapping):
        return any(_came(name, past) for name in quirk.after)
    began, ended = last_time(quirk.after, past), last_time(quirk.until, past)
    return began >= 0 and began >= ended


def last_time(names: Iterable[str], past: Mapping[str, int]) -> int:
    """Return the number of the last call of one of these functions, or with one of these quirks; -1: there is none."""
    names = tuple(names)
    return max((number for item, number in past.items() if any(_came(name, (item,)) for name in names)), default=-1)


def shape_of(quirk: Quirk) -> str:
    """Return what a rule does, without the texts about it."""
    one = quirk
    return repr(
        (
            one.on, one.with_, one.where, one.after, one.before, one.until, one.expected, one.passes, one.returned,
            one.others, one.always, one.omitted, one.early, one.leaks,
        )
    )  # fmt: skip


#: The quirks of a port that declares none.
NO_QUIRKS: Final = Quirks()
