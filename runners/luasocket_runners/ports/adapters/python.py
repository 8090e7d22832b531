"""An adapter for an implementation in Python: answers the messages of PROTOCOL.md by calling it.

The transport is left to two functions that `PythonAdapter.serve` gets: one receives, the other sends. The
implementation is an argument with the interface `Api`. Lua's values are None, bool, int, float, bytes, dict (a table),
functions, and anything else (an object); several results are a tuple.
"""

from __future__ import annotations

import functools
import gc
import math
import os
import socket
import sys
import threading
import traceback
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final, Protocol, TypeAlias

from luasocket_runners.ports.adapters.coroutine import Abandoned, Coroutine, ignore_in_finalizers
from luasocket_runners.ports.connection import Message

__all__ = ["Api", "PythonAdapter", "Receive", "Send"]

PROTOCOL = 1

#: Returns the next message, None at the end of the input.
Receive: TypeAlias = Callable[[], "Message | None"]
Send: TypeAlias = Callable[[Message], None]
Function: TypeAlias = Callable[..., "tuple[Any, ...]"]

#: Lua's types of plain values: a look-up is the fastest test.
_TYPES: Final = {type(None): "nil", bool: "boolean", int: "number", float: "number", bytes: "string"}


class Api(Protocol):
    """The interface of an implementation in Python, usually a module: Lua's operations on its values."""

    #: Raised for an error in Lua; its attribute ``value`` is the error's value, its only argument.
    LuaError: type[Exception]

    #: A dict whose keys may be tables, too. Those of the program may have a `get` of their own, as Lua's __index.
    Table: type[dict[Any, Any]]

    def open(self, dialect: str) -> Any:
        """Return the module ``socket`` of a dialect."""

    def index(self, value: Any, name: str) -> Any:
        """Return ``value[name]``; None for nil. A method is a function that takes the object first."""

    def setindex(self, value: Any, name: str, new: Any) -> None:
        """Perform ``value[name] = new``."""

    def tostring(self, value: Any) -> bytes:
        """Return ``tostring(value)``."""


class Missing(Exception):
    """The port has no such function; the text is its name."""


class Fault(Exception):
    """The request cannot be carried out, because of a bug of the runner or of the adapter."""


def _plain_type(value: Any) -> str | None:
    """Return Lua's type of a plain value; None for anything else. A number may be an `enum.IntEnum`."""
    return _TYPES.get(type(value)) or _inherited_type(type(value))  # type: ignore[arg-type]  # a class is hashable


@functools.cache
def _inherited_type(kind: type) -> str | None:
    return next((name for plain, name in _TYPES.items() if issubclass(kind, plain)), None)


class PythonAdapter:
    """Answers requests by calling a Python implementation.

    Parameters
    ----------
    api
        The implementation.
    dialect
        The dialect that it is opened with.
    name
        Its name in reports.
    """

    def __init__(self, api: Api, dialect: str = "luasocket-3", name: str = "reference") -> None:
        self._api = api
        self._dialect = dialect
        self._name = name
        self._module = api.open(dialect)
        self._roots: dict[str, Any] = {
            "socket": self._module,
            "tostring": lambda value: (api.tostring(value),),
            "type": lambda value: (self._type(value).encode(),),
            "rawequal": lambda one, other: (self._raw_equal(one, other),),
            "coroutine.wrap": self._wrap,
            "coroutine.yield": self._yield,
        }  # fmt: skip
        self._objects: dict[int, Any] = {}  # by handle
        self._handles: dict[int, int] = {}  # by the id() of objects that `_objects` keeps alive
        self._last_handle = 0
        self._functions: dict[int, Function] = {}  # of the runner
        self._numbers: dict[int, int] = {}  # of those, by their id()
        self._coroutines: weakref.WeakSet[Coroutine] = weakref.WeakSet()
        self._unanswered: list[int] = []  # ids of requests, each one made inside the one before it
        self._asleep: dict[int, list[int]] = {}  # the ids inside of a coroutine that has yielded, by the last of them
        self._thread: int | None = None
        self._receive: Receive
        self._send: Send

    def serve(self, receive: Receive, send: Send) -> None:
        """Answer messages until ``bye`` or the end of the input; then close all open objects."""
        self._receive, self._send = receive, send
        self._thread = threading.get_ident()
        try:
            while (message := receive()) is not None:
                send(self.handle(message))
                if message.get("op") == "bye":
                    break
        except Abandoned:
            pass
        finally:
            self._thread = None
            self._reset()

    def abandon(self) -> None:
        """Unblock a call that hangs, from another thread.

        A wait for a socket ends when the socket is shut down; Python code ends at its next instruction. A sleep cannot
        be ended. A finalizer drops the exception that ends it, and the call goes on: then this has to be called again.
        """
        ignore_in_finalizers()
        for value in list(self._objects.values()):
            if isinstance(value, dict):
                continue  # a table: its getfd may be a function of the runner, which cannot be called any more
            with suppress(Exception):  # it has no descriptor, or is closed, or in use
                (descriptor,) = self._api.index(value, "getfd")(value)
                with socket.socket(fileno=os.dup(int(descriptor))) as double:
                    double.shutdown(socket.SHUT_RDWR)
        import ctypes  # rarely needed, and slow to import

        for thread in [self._thread, *(coroutine.thread for coroutine in list(self._coroutines))]:
            if thread is not None:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(Abandoned))

    # Requests

    def handle(self, request: Message) -> Message:
        """Carry out a request; return the reply. Functions of the runner can be called only during `serve`."""
        number = request.get("id")
        if not isinstance(number, int):
            return {"id": None, "fault": f"a request needs a number as its id: {request!r:.200}"}
        self._unanswered.append(number)
        reply: Message
        try:
            results = self._perform(request)
            if request.get("keep"):
                for value in results:
                    if isinstance(value, dict):
                        self._handle(value)
            reply = {"id": number, "returns": [self._to_json(value) for value in results]}
            if request.get("op") == "describe":
                reply = {"id": number, **self._describe()}
        except Missing as missing:
            reply = {"id": number, "missing": str(missing)}
        except self._api.LuaError as error:
            reply = {"id": number, "raises": self._to_json(error.value)}  # type: ignore[attr-defined]
        except Fault as fault:
            reply = {"id": number, "fault": str(fault)}
        except Exception as error:  # a bug of the implementation: errors in Lua are LuaErrors
            traceback.print_exc(file=sys.stderr)
            reply = {"id": number, "fault": f"{self._name} broke: {type(error).__name__}: {error}"}
        if self._unanswered[-1] == number:
            self._unanswered.pop()
        else:
            asleep = self._unanswered[self._unanswered.index(number) + 1 :]
            del self._unanswered[-len(asleep) - 1 :]
            self._asleep[asleep[-1]] = asleep
        return reply

    def _perform(self, request: Message) -> Sequence[Any]:
        # most requests are calls, and patterns of dicts take longer than many of these
        if request.get("op") == "call":
            return self._perform_call(request)
        match request:
            case {"op": "reset"}:
                self._reset()
                return ()
            case {"op": "get", "target": str(path)}:
                return (self._at(path),)
            case {"op": "get", "handle": int(handle), "field": str(field)}:
                return (self._api.index(self._object(handle), field),)
            case {"op": "set", "target": str(path), "value": new}:
                parent, _, field = path.rpartition(".")
                self._api.setindex(self._at(parent, parent), field, self._from_json(new))
                return ()
            case {"op": "make", "value": {"table": list()} as value}:
                table = self._from_json(value)
                if "calls" in request:
                    table = self._callable(table, self._from_json(request["calls"]))
                if "inherits" in request:
                    table = self._inheriting(table, self._from_json(request["inherits"]))
                self._handle(table)
                return (table,)
            case {"op": "release", "handles": list(handles)}:
                self._release(handles)
                return ()
            case {"op": "describe", "protocol": int()} | {"op": "bye"}:
                return ()
        raise Fault(f"this request is not understood: {request!r:.200}")

    def _perform_call(self, request: Message) -> Sequence[Any]:
        args, handle, method, path = map(request.get, ("args", "handle", "method", "target"))
        if isinstance(args, list):
            if isinstance(handle, int):
                value = self._object(handle)
                if method is None:
                    return self._call(value, "the function", args)
                if isinstance(method, str):
                    function = self._api.index(value, method)
                    if function is None:
                        raise Missing(f"{self._type(value)}:{method}")
                    # Errors count the arguments of a call by colon in another way; the reference knows both.
                    return self._call(getattr(function, "by_colon", function), method, args, value)
            elif isinstance(path, str):
                return self._call(self._at(path, path), path, args)
        raise Fault(f"this request is not understood: {request!r:.200}")

    def _describe(self) -> Message:
        version = self._api.index(self._module, "_VERSION")
        runtime = f"Python {sys.version_info.major}.{sys.version_info.minor}"
        return {
            "protocol": PROTOCOL, "name": self._name, "version": version.decode("latin-1") if version else "unknown",
            "dialect": self._dialect, "runtime": runtime,
            "capabilities": [
                "coroutines", "yield-across-pcall", "gc", "descriptors", "repeat", "kept-tables", "callable-tables",
                "inheriting-tables", "subtypes",
            ],
        }  # fmt: skip

    def _call(self, function: Any, name: str, args: list[Any], *first: Any) -> Sequence[Any]:
        if not callable(function):
            raise self._api.LuaError(f"attempt to call a {self._type(function)} value".encode())
        results = function(*first, *map(self._from_json, args))
        if not isinstance(results, tuple):
            raise TypeError(f"{name} returned {results!r:.200}, not a tuple")
        return results

    def _at(self, path: str, needed: str | None = None) -> Any:
        """Return the value at a path; for nil return None, or, if it is `needed`, raise Missing with that name."""
        names: list[str] = []
        if path not in self._roots:
            path, *names = path.split(".")
        value = self._roots.get(path)
        for name in names:
            if value is None:
                break
            value = self._api.index(value, name)
        if value is None and needed is not None:
            raise Missing(needed)
        return value

    # Objects

    def _object(self, handle: int) -> Any:
        if handle not in self._objects:
            raise Fault(f"there is no handle {handle}")
        return self._objects[handle]

    def _handle(self, value: Any) -> int:
        handle = self._handles.get(id(value))
        if handle is None:
            self._last_handle += 1
            handle = self._handles[id(value)] = self._last_handle
            self._objects[handle] = value
        return handle

    def _callable(self, table: dict[Any, Any], function: Function) -> dict[Any, Any]:
        """Return a table that calls a function when it is called, with itself as the first argument, as __call does."""

        class Callable(self._api.Table):  # type: ignore[name-defined,misc]
            def __call__(self, *args: Any) -> tuple[Any, ...]:
                return function(self, *args)

        return Callable(table)

    def _inheriting(self, table: dict[Any, Any], parent: Any) -> dict[Any, Any]:
        """Return a table that has what it lacks from another value, as __index does: an object, or a function."""
        kind, index = self._type(parent), self._api.index

        class Inheriting(self._api.Table):  # type: ignore[name-defined,misc]
            parent: Any

            def get(self, key: Any, default: Any = None) -> Any:
                value = super().get(key)
                if value is not None or isinstance(key, str):  # a str is no key of Lua
                    return default if value is None else value
                if kind == "function":
                    value = next(iter(parent(self, key)), None)
                elif kind == "table":
                    value = parent.get(key)
                elif isinstance(key, bytes):  # the fields of an object have names
                    value = index(parent, key.decode("latin-1"))
                return default if value is None else value

        made = Inheriting()
        made.parent = parent
        for key, value in table.items():
            made[key] = value
        return made

    def _release(self, handles: list[int]) -> None:
        watched = []
        for handle in handles:
            value = self._objects.pop(handle, None)
            if value is not None:
                del self._handles[id(value)]
                with suppress(TypeError):  # functions and dicts have no finalizer
                    watched.append(weakref.ref(value))
        value = None
        # Mostly, the last reference has gone by now. Only a cycle needs the collector, which is slow.
        if any(reference() is not None for reference in watched):
            gc.collect()

    def _reset(self) -> None:
        self._functions.clear()
        self._numbers.clear()
        self._asleep.clear()
        for coroutine in list(self._coroutines) if self._coroutines else ():
            if coroutine is not Coroutine.running():
                coroutine.abandon()
        while self._objects:
            _, value = self._objects.popitem()
            if self._type(value) == "userdata":
                close = self._api.index(value, "close")
                with suppress(self._api.LuaError):
                    if close is not None:
                        close(value)
        self._handles.clear()

    # Functions and coroutines

    def _function(self, number: int) -> Function:
        if number not in self._functions:

            def call(*args: Any) -> tuple[Any, ...]:
                if self._functions.get(number) is not call:
                    raise self._api.LuaError(b"this function of the runner has been forgotten")
                return self._call_back(number, args)

            self._functions[number] = call
            self._numbers[id(call)] = number
        return self._functions[number]

    def _call_back(self, number: int, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Have the runner run one of its functions; meanwhile, answer its requests."""
        self._send({"id": self._unanswered[-1], "callback": number, "args": [self._to_json(value) for value in args]})
        while (message := self._receive()) is not None:
            match message:
                case {"op": "return", "values": list(values)}:
                    return tuple(map(self._from_json, values))
                case {"op": "raise", "value": value}:
                    raise self._api.LuaError(self._from_json(value))
            self._send(self.handle(message))
        raise Abandoned

    def _wrap(self, function: Any) -> tuple[Any, ...]:
        if not callable(function):
            raise self._api.LuaError(b"bad argument #1 to 'wrap' (function expected)")
        coroutine = Coroutine(function, self._api.LuaError)
        self._coroutines.add(coroutine)
        return (lambda *values: coroutine.resume(*values),)

    def _yield(self, *values: Any) -> tuple[Any, ...]:
        coroutine = Coroutine.running()
        if coroutine is None:
            raise self._api.LuaError(b"attempt to yield from outside a coroutine")
        request = self._unanswered[-1]
        results = coroutine.yield_(*values)
        self._unanswered += self._asleep.pop(request, ())
        return results

    # Values

    def _raw_equal(self, one: Any, other: Any) -> bool:
        kind = self._type(one)
        return one is other or (kind in ("number", "string") and kind == self._type(other) and one == other)

    def _type(self, value: Any) -> str:
        """Return Lua's type of a value."""
        return _plain_type(value) or (
            "table" if isinstance(value, dict) else "function" if callable(value) else "userdata"
        )

    def _is_plain(self, table: dict[Any, Any]) -> bool:
        """Return whether a table is plain data. A class of its own stands for a metatable in Lua."""
        holds_function = any(self._type(value) == "function" for value in table.values())
        return type(table) in (dict, self._api.Table) and not holds_function

    def _to_json(self, value: Any) -> Any:
        kind = _plain_type(value)
        if kind == "string":
            return value.decode("latin-1")
        if kind == "number" and not math.isfinite(value):
            return {"number": "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"}
        if kind is not None:
            return value
        if isinstance(value, dict) and id(value) not in self._handles and self._is_plain(value):
            return {"table": [[self._to_json(key), self._to_json(item)] for key, item in value.items()]}
        if id(value) in self._numbers:
            return {"function": self._numbers[id(value)]}
        return {"handle": self._handle(value), "type": self._type(value)}

    def _from_json(self, value: Any) -> Any:
        if type(value) in _TYPES:  # a message has no bytes
            return value
        match value:
            case str():
                try:
                    return value.encode("latin-1")
                except UnicodeEncodeError:
                    raise Fault(f"a string has a character above U+00FF: {value!r:.100}") from None
            case {"number": "inf" | "-inf" | "nan" as number}:
                return float(number)
            case {"function": int(number)}:
                return self._function(number)
            case {"repeat": str(unit), "times": int(times)}:
                return self._from_json(unit) * times
            case {"handle": int(handle)}:
                return self._object(handle)
            case {"table": list(pairs)} if all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
                table = self._api.Table()
                for key, item in pairs:
                    if (entry := self._from_json(item)) is not None:
                        table[self._from_json(key)] = entry
                return table
        raise Fault(f"this is not a value: {value!r:.200}")
