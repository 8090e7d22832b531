"""The steps of a random program: calls of the port, and actions of its peers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from luasocket_spec import model

#: A value in a step: that of the specification, with names as :class:`luasocket_spec.model.Ref`.
StepValue: TypeAlias = model.SpecValue


@dataclass(frozen=True, slots=True)
class Function:
    """A function that a program passes to the port.

    Attributes
    ----------
    name
        The name by which steps refer to it.
    returns
        The values that it returns; None for its own arguments.
    raises
        One value that it raises instead, or none.
    asks
        The names of an object and of a method without arguments, which it calls; it returns the first result of that.
    does
        Calls that it makes first, in order. The names that they bind are its own. What one of them raises, it raises.
    """

    name: str
    returns: tuple[StepValue, ...] | None = ()
    raises: tuple[StepValue, ...] = ()
    asks: tuple[str, str] | None = None
    does: tuple[Call, ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a method (``object`` is set) or of a function (``object`` is None).

    Attributes
    ----------
    object
        The name of the object, for a method; for a function that an earlier call returned, its name.
    path
        The method, or the path of a function (``socket.tcp``); empty: ``object`` is itself the function.
    binds
        Names for the results, in order; None skips one.
    functions
        The functions among the arguments.
    """

    object: str | None
    path: str
    args: tuple[StepValue, ...] = ()
    binds: tuple[str | None, ...] = ()
    functions: tuple[Function, ...] = ()

    @property
    def label(self) -> str:
        """The function as differences are grouped by it: ``:receive``, ``socket.select``, ``function``."""
        if self.object is None:
            return self.path
        return f":{self.path}" if self.path else "function"


@dataclass(frozen=True, slots=True)
class PeerAct:
    """An action of a peer, in the words of the specification, and two of its own.

    ``collect`` reads all that has arrived at the peer and compares it; ``end`` does the same, and how the connection
    ended.
    """

    peer: str
    verb: str
    value: StepValue = True
    options: tuple[tuple[str, StepValue], ...] = ()
    bind: str | None = None

    @property
    def label(self) -> str:
        """The key by which differences are grouped."""
        return f"peer {self.verb}"


@dataclass(frozen=True, slots=True)
class Get:
    """A look at a field: of an object, or, if ``object`` is None, of the module, which is bound to a name."""

    object: str | None
    path: str
    bind: str | None = None

    @property
    def label(self) -> str:
        """The key by which differences are grouped."""
        return f".{self.path}" if self.object is not None else self.path


@dataclass(frozen=True, slots=True)
class Make:
    """A table of the program that keeps its identity.

    Attributes
    ----------
    functions
        The functions in it: with some, it is an object of the program's own.
    inherits
        The table that it has everything from that it lacks, by its metatable; None: it has no metatable.
    """

    name: str
    table: model.TableSpec
    functions: tuple[Function, ...] = ()
    inherits: model.TableSpec | None = None

    @property
    def label(self) -> str:
        """The key by which differences are grouped."""
        return "make"


@dataclass(frozen=True, slots=True)
class Drop:
    """The end of the last reference to an object, which is then collected."""

    object: str

    @property
    def label(self) -> str:
        """The key by which differences are grouped."""
        return "drop"


Step: TypeAlias = Call | PeerAct | Get | Make | Drop


def functions_of(step: Step) -> tuple[Function, ...]:
    """Return the functions of the program that a step passes to the port."""
    return step.functions if isinstance(step, Call | Make) else ()


def bound_by(step: Step) -> tuple[str | None, ...]:
    """Return the names that a step binds to its results."""
    if isinstance(step, Call):
        return step.binds
    if isinstance(step, Make):
        return (step.name,)
    return (step.bind,) if isinstance(step, Get) else ()


def used_by(step: Step) -> set[str]:
    """Return the names that a step uses, and that earlier steps have to bind."""
    own = {function.name for function in functions_of(step)}
    values: list[StepValue] = []
    names = {name for function in functions_of(step) for name in _used_inside(function)}
    if isinstance(step, Call):
        values += step.args
    elif isinstance(step, Make):
        values += [step.table, *([] if step.inherits is None else [step.inherits])]
    elif isinstance(step, PeerAct):
        values += [step.value, *(value for _, value in step.options)]
    if isinstance(step, Call | Get | Drop) and step.object is not None:
        names.add(step.object)
    return (names | set(names_in(values))) - own


def _used_inside(function: Function) -> set[str]:
    """Return the names that a function uses and does not bind itself."""
    names = set(names_in([*(function.returns or ()), *function.raises]))
    if function.asks is not None:
        names.add(function.asks[0])
    for call in reversed(function.does):
        names = (names - set(bound_by(call))) | used_by(call)
    return names


def names_in(values: Iterable[StepValue]) -> Iterator[str]:
    """Yield the names in values, and in tables among them."""
    for value in values:
        if isinstance(value, model.Ref):
            yield value.name
        elif isinstance(value, model.TableSpec):
            yield from names_in(item for entry in value.entries for item in entry)


OutcomeKind: TypeAlias = Literal["returned", "raised", "missing", "died", "hung", "saw"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a step.

    Attributes
    ----------
    kind
        ``returned`` or ``raised`` of a call, ``saw`` of a peer's action; ``missing`` if the port has no such function;
        ``hung`` or ``died`` if no reply came.
    values
        The results, the error's value, or the data that a peer saw.
    calls
        The functions of the program that the port called meanwhile, each with its arguments.
    inner
        The calls that these functions made, each with its outcome.
    sentence
        For ``missing``, ``hung`` and ``died``: the event.
    """

    kind: OutcomeKind
    values: tuple[object, ...] = ()
    calls: tuple[tuple[str, tuple[object, ...]], ...] = field(default=())
    sentence: str = ""
    inner: tuple[tuple[Call, Outcome], ...] = ()


#: The outcomes after which the port cannot go on.
FATAL: Final = frozenset({"died", "hung"})
