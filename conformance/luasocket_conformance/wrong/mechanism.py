"""How a wrong port is made: the reference with one mistake.

What lives here: an :class:`Api` that has a mistake in place of single functions of another one, and the catalogue that
the modules beside this one fill. What may not: a mistake (``factories`` and the modules named for subjects), or how one
is found out (``strength``).
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from typing import Any, Final, TypeAlias
from weakref import WeakKeyDictionary

from luasocket_runners.ports import Port
from luasocket_runners.ports.inprocess import PythonPort, reference_api
from luasocket_runners.ports.python_adapter import Api

__all__ = [
    "ABSENT",
    "CATALOGUE",
    "DEADLINE",
    "Chapter",
    "Constant",
    "Mistake",
    "Right",
    "Values",
    "WrongApi",
    "WrongPort",
]

#: Lua's results, or its arguments: bytes for strings, None for nil, dict for tables.
Values: TypeAlias = tuple[Any, ...]

#: Seconds after which a call of a wrong port counts as hanging. The longest call that has to return moves 10 MB, which
#: takes less than a second.
DEADLINE: Final = 3.0


@dataclass(frozen=True, slots=True)
class Right:
    """The right function, as a mistake sees it. Calling it does the right thing.

    Attributes
    ----------
    function
        What the right port has under that name; the first argument of a method is its object.
    name
        The name under which it was called, without its object: ``receive``.
    api
        The right implementation, for what else is needed of it.
    module
        Its module ``socket``.
    memory
        What the mistake remembers of an object between calls; each connection has its own.
    """

    function: Callable[..., Values]
    name: str
    api: Api
    module: Any
    memory: MutableMapping[Any, Any]

    def __call__(self, *args: Any) -> Values:
        """Call the right function."""
        return self.function(*args)

    def method(self, thing: Any, name: str, *args: Any) -> Values:
        """Call a method of an object as the right port has it."""
        results: Values = self.api.index(thing, name)(thing, *args)
        return results


@dataclass(frozen=True, slots=True)
class Constant:
    """In place of a function: a field of the module that has this value; None: that is not there."""

    value: Any


#: In place of a mistake: what it is made in, is not there.
ABSENT: Final = Constant(None)

Mistake: TypeAlias = Callable[..., Values]


@dataclass(frozen=True, slots=True)
class WrongPort:
    """The reference with one mistake.

    Attributes
    ----------
    name
        The mistake in a few words, joined by ``-``.
    says
        The mistake in a sentence.
    targets
        What it is made in: ``tcp:receive`` (a method of a kind of object), ``tcp{client}:close`` (of a class),
        ``tcp:class`` (a field), ``tcp:tostring`` (Lua's own function), ``socket.select``; ``*`` as in file names.
    mistake
        Called as ``mistake(right, *args)`` in place of each, of a field with the object; or the value that a field has.
    caught_by
        Selectors, as ``run`` takes them; at least one behaviour of each has to fail.
    violates
        Statements of the documentation, ``*`` as in file names. For each, a behaviour that cites it has to fail.
    also
        Selectors: where else the mistake inevitably shows. In subjects that neither this nor `caught_by` nor the
        behaviours behind `violates` name, nothing may fail.
    subject
        The module of the catalogue that it stands in.
    deadline
        Seconds after which a call counts as hanging.
    """

    name: str
    says: str
    targets: tuple[str, ...]
    mistake: Mistake | Constant
    caught_by: tuple[str, ...] = ()
    violates: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    subject: str = ""
    deadline: float = DEADLINE

    def port(self) -> Port:
        """Return the port; each connection that it opens forgets what others did."""
        return PythonPort(f"wrong:{self.name}", lambda: WrongApi(reference_api(), self))

    def is_made_in(self, path: str) -> bool:
        """Tell whether the mistake is made in a function of this path."""
        return any(fnmatchcase(path, target) for target in self.targets)


class WrongApi:
    """The API of a wrong port: that of the right one, but for the functions that a mistake is made in."""

    def __init__(self, right: Api, wrong: WrongPort) -> None:
        self.LuaError = right.LuaError
        self.Table = right.Table
        self._right = right
        self._wrong = wrong
        self._mistake = wrong.mistake
        self._module: Any = None
        self._memory: MutableMapping[Any, Any] = WeakKeyDictionary()  # what is collected, is forgotten
        self._made: dict[Any, Mistake] = {}  # the same function has to be the same value each time

    def open(self, dialect: str) -> Any:
        """Return the module with its mistakes put in."""
        self._module = self._right.open(dialect)
        module = self._right.open(dialect)
        self._spoil(module, "socket")
        return module

    def _spoil(self, table: dict[Any, Any], path: str) -> None:
        for key, value in list(table.items()):
            inner = f"{path}.{key.decode('latin-1')}"
            if isinstance(value, dict):
                self._spoil(value, inner)
            elif not self._wrong.is_made_in(inner):
                continue
            elif not isinstance(self._mistake, Constant):
                table[key] = partial(self._mistake, self._seen(value, inner))
            elif self._mistake.value is None:
                del table[key]
            else:
                table[key] = self._mistake.value

    def index(self, value: Any, name: str) -> Any:
        """Return the field of an object, or the mistake that stands in its place."""
        right = self._right.index(value, name)
        if right is None or not self._is_wrong_method(value, name):
            return right
        if isinstance(self._mistake, Constant):
            return self._mistake.value
        if not callable(right):
            return self._mistake(self._seen(lambda _thing: (right,), name), value)[0]
        if right not in self._made:
            self._made[right] = partial(self._call_method, self._mistake, self._seen(right, name))
        return self._made[right]

    def _call_method(self, mistake: Mistake, right: Right, *args: Any) -> Values:
        # Called without an object, or with one of another kind, the method does not come as far as its mistake.
        mistaken = bool(args) and self._is_wrong_method(args[0], right.name)
        return mistake(right, *args) if mistaken else right(*args)

    def _is_wrong_method(self, value: Any, name: str) -> bool:
        held = self._class(value)
        kind = held.partition("{")[0]
        return kind != "" and any(self._wrong.is_made_in(f"{owner}:{name}") for owner in (kind, held))

    def _seen(self, right: Callable[..., Values], path: str) -> Right:
        return Right(right, path.rpartition(".")[2], self._right, self._module, self._memory)

    def _class(self, value: Any) -> str:
        """Return ``tcp{client}``, say; what is not an object has no class."""
        if isinstance(value, dict):
            return ""
        try:
            described = self._right.index(value, "class")
        except self.LuaError:  # it cannot be indexed
            return ""
        return described.decode("latin-1") if isinstance(described, bytes) else ""

    def setindex(self, value: Any, name: str, new: Any) -> None:
        """Write a field, rightly."""
        self._right.setindex(value, name, new)

    def tostring(self, value: Any) -> bytes:
        """Return a value as a string."""
        right = self._right.tostring(value)
        if isinstance(self._mistake, Constant) or not self._is_wrong_method(value, "tostring"):
            return right
        text: bytes = self._mistake(self._seen(lambda _thing: (right,), "tostring"), value)[0]
        return text


#: Every wrong port by its name, in the order in which they were added.
CATALOGUE: Final[dict[str, WrongPort]] = {}


@dataclass(frozen=True, slots=True)
class Chapter:
    """A part of the catalogue, and what its wrong ports have in common.

    Attributes
    ----------
    module
        The module that it stands in; its last name is the subject.
    also, deadline
        As in :class:`WrongPort`, for all of them.
    """

    module: str
    also: tuple[str, ...] = ()
    deadline: float = DEADLINE

    def add(
        self,
        name: str,
        says: str,
        target: str | tuple[str, ...],
        mistake: Mistake | Constant,
        *violates: str,
        caught_by: tuple[str, ...] = (),
        also: tuple[str, ...] = (),
        deadline: float | None = None,
    ) -> None:
        """Put a wrong port into the catalogue; see :class:`WrongPort`."""
        assert name not in CATALOGUE, f"{name} is there twice"
        assert says, f"{name} does not say what is wrong"
        assert caught_by or violates, f"{name} does not say who notices"
        CATALOGUE[name] = WrongPort(
            name,
            says,
            (target,) if isinstance(target, str) else target,
            mistake,
            caught_by,
            violates,
            (*self.also, *also),
            self.module.rpartition(".")[2],
            self.deadline if deadline is None else deadline,
        )

    def wrong(self, *targets: str, violates: tuple[str, ...] = (), **more: Any) -> Callable[[Mistake], Mistake]:
        """Put a mistake into the catalogue, under the function's name and with its docstring; as `add` otherwise."""

        def register(mistake: Mistake) -> Mistake:
            name, says = mistake.__name__.replace("_", "-"), (mistake.__doc__ or "").strip()
            self.add(name, says, targets, mistake, *violates, **more)
            return mistake

        return register
