"""The mechanism of faulty ports: the reference with one mistake, and the catalogue that holds them.

The mistakes are in the modules named for files of behaviours; :mod:`.command` runs the specification on them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from typing import Any, Final, TypeAlias
from weakref import WeakKeyDictionary

from luasocket_runners.ports import Port
from luasocket_runners.ports.adapters.python import Api
from luasocket_runners.ports.inprocess import PythonPort, reference_api
from luasocket_runners.ports.process import CommandPort
from luasocket_spec.model import Dialect

__all__ = [
    "ABSENT",
    "CATALOGUE",
    "DEADLINE",
    "Constant",
    "Faults",
    "FaultyApi",
    "FaultyPort",
    "Mistake",
    "Original",
    "Values",
    "module_name",
    "subject_of",
]

#: Lua's results, or its arguments: bytes for strings, None for nil, dict for tables.
Values: TypeAlias = tuple[Any, ...]

#: Seconds after which a call of a faulty port counts as hanging. The longest call that has to return moves 10 MB, which
#: takes less than a second.
DEADLINE: Final = 3.0


@dataclass(frozen=True, slots=True)
class Original:
    """The reference's function that a mistake replaces. Calling it calls the reference.

    Attributes
    ----------
    function
        The reference's function; the first argument of a method is its object.
    name
        The name under which it was called, without its object: ``receive``.
    api
        The reference's API, for its ``LuaError``, ``Table`` and fields of objects.
    module
        The reference's module ``socket``.
    changed
        The module that the program has, whose fields it can change.
    memory
        Values that the mistake keeps for an object between calls; each connection has its own.
    """

    function: Callable[..., Values]
    name: str
    api: Api
    module: Any
    changed: Any
    memory: MutableMapping[Any, Any]

    def __call__(self, *args: Any) -> Values:
        """Call the reference's function."""
        return self.function(*args)

    def call(self, name: str, *args: Any) -> Values:
        """Call another function of the module as the reference has it."""
        results: Values = self.module[name.encode()](*args)
        return results

    def method(self, obj: Any, name: str, *args: Any) -> Values:
        """Call a method of an object as the reference has it."""
        results: Values = self.api.index(obj, name)(obj, *args)
        return results


@dataclass(frozen=True, slots=True)
class Constant:
    """A value in place of a function or field of the module; None removes it."""

    value: Any


#: The mistake of a function or field that is missing.
ABSENT: Final = Constant(None)

Mistake: TypeAlias = Callable[..., Values]


@dataclass(frozen=True, slots=True)
class FaultyPort:
    """The reference with one mistake.

    Attributes
    ----------
    name
        The mistake in a few words, joined by ``-``.
    says
        The mistake in a sentence.
    targets
        The functions with the mistake: ``tcp:receive`` (a method of a kind of object), ``tcp{client}:close`` (of a
        class), ``tcp:class`` (a field), ``tcp:tostring`` (Lua's own function), ``socket.select``; ``*`` as in file
        names.
    mistake
        Called as ``mistake(original, *args)`` in place of each target, for a field with the object; or the value of a
        field.
    detected_by
        Selectors, as ``run`` takes them; at least one behaviour of each has to fail.
    violates
        Statements of the documentation, ``*`` as in file names. For each, a behaviour that covers it has to fail.
    also_fails
        Selectors of further behaviours that the mistake makes fail. Anywhere else but in these and in the files of
        `detected_by` and `violates`, a failure is unexpected.
    subject
        The file of behaviours whose module the port is in: ``tcp/send``.
    deadline
        Seconds after which a call counts as hanging.
    alone
        Whether no other port may run beside it, because its mistake is in the descriptors of the process.
    dialect
        The dialect that it speaks: that of upstream, unless only the other one has what it does wrong.
    own_process
        Whether it runs in a process of its own, which signals can stop.
    """

    name: str
    says: str
    targets: tuple[str, ...]
    mistake: Mistake | Constant
    detected_by: tuple[str, ...] = ()
    violates: tuple[str, ...] = ()
    also_fails: tuple[str, ...] = ()
    subject: str = ""
    deadline: float = DEADLINE
    alone: bool = False
    dialect: Dialect = "luasocket-3"
    own_process: bool = False

    @property
    def id(self) -> str:
        """The port's name behind its subject: ``tcp/send/send-success-is-one-value``."""
        return f"{self.subject}/{self.name}"

    def port(self) -> Port:
        """Return the port; each connection that it opens starts with an empty memory."""
        if self.own_process:
            return CommandPort(f"faulty:{self.name}", (sys.executable, "-m", f"{__package__}.adapter", self.name))
        return PythonPort(f"faulty:{self.name}", lambda: FaultyApi(reference_api(), self))

    def targets_path(self, path: str) -> bool:
        """Tell whether the function at this path has the mistake."""
        return any(fnmatchcase(path, target) for target in self.targets)


class _ReplacedMethod:
    """A method with the mistake; like the reference's, it can also be called by colon, which errors show."""

    def __init__(self, plain: Callable[..., Values], by_colon: Callable[..., Values]) -> None:
        self._plain = plain
        self.by_colon = by_colon

    def __call__(self, *args: Any) -> Values:
        """Call it as ``method(object, ...)``."""
        return self._plain(*args)


class FaultyApi:
    """The API of a faulty port: the reference's, except for the functions that the mistake replaces."""

    def __init__(self, reference: Api, faulty: FaultyPort) -> None:
        self.LuaError = reference.LuaError
        self.Table = reference.Table
        self._reference = reference
        self._faulty = faulty
        self._mistake = faulty.mistake
        self._module: Any = None
        self._changed: Any = None
        self._memory: MutableMapping[Any, Any] = WeakKeyDictionary()  # must not keep objects from being collected
        self._replaced: dict[Any, _ReplacedMethod] = {}  # a function has to be the same value each time

    def open(self, dialect: str) -> Any:
        """Return the module with the mistake put in."""
        self._module = self._reference.open(dialect)
        module = self._changed = self._reference.open(dialect)
        self._replace(module, "socket")
        return module

    def _replace(self, table: dict[Any, Any], path: str) -> None:
        for key, value in list(table.items()):
            inner = f"{path}.{key.decode('latin-1')}"
            if isinstance(value, dict):
                self._replace(value, inner)
            elif not self._faulty.targets_path(inner):
                continue
            elif not isinstance(self._mistake, Constant):
                table[key] = partial(self._mistake, self._original(value, inner))
            elif self._mistake.value is None:
                del table[key]
            else:
                table[key] = self._mistake.value

    def index(self, value: Any, name: str) -> Any:
        """Return the field of an object, or its replacement."""
        field = self._reference.index(value, name)
        if field is None or not self._has_mistake(value, name):
            return field
        if isinstance(self._mistake, Constant):
            return self._mistake.value
        if not callable(field):
            return self._mistake(self._original(lambda _obj: (field,), name), value)[0]
        if field not in self._replaced:
            plain = partial(self._call_method, self._mistake, self._original(field, name))
            by_colon = getattr(field, "by_colon", field)
            self._replaced[field] = _ReplacedMethod(
                plain, partial(self._call_method, self._mistake, self._original(by_colon, name))
            )
        return self._replaced[field]

    def _call_method(self, mistake: Mistake, original: Original, *args: Any) -> Values:
        # Without an object, or with one of another kind, the reference raises before it comes to the mistake.
        obj = args[0] if args else None
        if getattr(mistake, "takes_heirs", False):  # then its mistake is to take a table that inherits from an object
            obj = getattr(obj, "parent", obj)
        mistaken = bool(args) and self._has_mistake(obj, original.name)
        return mistake(original, *args) if mistaken else original(*args)

    def _has_mistake(self, value: Any, name: str) -> bool:
        class_name = self._class(value)
        kind = class_name.partition("{")[0]
        return kind != "" and any(self._faulty.targets_path(f"{owner}:{name}") for owner in (kind, class_name))

    def _original(self, function: Callable[..., Values], path: str) -> Original:
        name = path.rpartition(".")[2]
        return Original(function, name, self._reference, self._module, self._changed, self._memory)

    def _class(self, value: Any) -> str:
        """Return an object's class, as ``tcp{client}``; the empty string for any other value."""
        if isinstance(value, dict):
            return ""
        try:
            described = self._reference.index(value, "class")
        except self.LuaError:  # it cannot be indexed
            return ""
        return described.decode("latin-1") if isinstance(described, bytes) else ""

    def setindex(self, value: Any, name: str, new: Any) -> None:
        """Write a field, without a mistake."""
        self._reference.setindex(value, name, new)

    def tostring(self, value: Any) -> bytes:
        """Return a value as a string."""
        plain = self._reference.tostring(value)
        if isinstance(self._mistake, Constant) or not self._has_mistake(value, "tostring"):
            return plain
        text: bytes = self._mistake(self._original(lambda _obj: (plain,), "tostring"), value)[0]
        return text


#: Every faulty port by its name, in the order in which they were added.
CATALOGUE: Final[dict[str, FaultyPort]] = {}

#: Names that cannot be those of modules, because they are words of Python; they get an underscore at the end.
_KEYWORDS: Final = ("try", "except")


def module_name(subject: str) -> str:
    """Return the name of the module for a file of behaviours: ``tcp.receive_line`` for ``tcp/receive-line``."""
    words = subject.replace("-", "_").split("/")
    return ".".join(f"{word}_" if word in _KEYWORDS else word for word in words)


def subject_of(module: str) -> str:
    """Return the subject of a module's full name; the inverse of :func:`module_name`."""
    words = module.removeprefix(f"{__package__}.").split(".")
    return "/".join(word.removesuffix("_").replace("_", "-") for word in words)


def _names(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value


@dataclass(frozen=True, slots=True)
class Faults:
    """The faulty ports of one module.

    Attributes
    ----------
    module
        The module's full name; the subject follows from it.
    also_fails, deadline, alone, own_process
        As in :class:`FaultyPort`, for all of them.
    """

    module: str
    also_fails: tuple[str, ...] = ()
    deadline: float = DEADLINE
    alone: bool = False
    own_process: bool = False

    def add(
        self,
        name: str,
        says: str,
        targets: str | tuple[str, ...],
        mistake: Mistake | Constant,
        *,
        detected_by: str | tuple[str, ...] = (),
        violates: str | tuple[str, ...] = (),
        also_fails: tuple[str, ...] = (),
        deadline: float | None = None,
        alone: bool = False,
        dialect: Dialect = "luasocket-3",
    ) -> None:
        """Add a faulty port to the catalogue; see :class:`FaultyPort`. A single name needs no tuple."""
        assert name not in CATALOGUE, f"{name} is in the catalogue twice"
        assert says, f"{name} has no sentence"
        assert detected_by or violates, f"{name} names neither behaviours nor statements"
        CATALOGUE[name] = FaultyPort(
            name,
            says,
            _names(targets),
            mistake,
            _names(detected_by),
            _names(violates),
            (*self.also_fails, *also_fails),
            subject_of(self.module),
            self.deadline if deadline is None else deadline,
            self.alone or alone,
            dialect,
            self.own_process,
        )

    def fault(self, *targets: str, **more: Any) -> Callable[[Mistake], Mistake]:
        """Add the decorated mistake, with the function's name and its docstring; other arguments as for :meth:`add`."""

        def register(mistake: Mistake) -> Mistake:
            name, says = mistake.__name__.replace("_", "-"), " ".join((mistake.__doc__ or "").split())
            self.add(name, says, targets, mistake, **more)
            return mistake

        return register
