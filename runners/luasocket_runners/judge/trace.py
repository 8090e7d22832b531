"""Reads the traces of the recorder and the proxy, and shows values and calls in Lua's notation."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from luasocket_runners import notation
from luasocket_runners.files import LIMIT

__all__ = [
    "Address",
    "Call",
    "Event",
    "Host",
    "Other",
    "Ref",
    "Trace",
    "TraceError",
    "host_of",
    "is_number",
    "listed",
    "number_of",
    "read",
    "show",
    "show_values",
]

Host: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

#: The version of the format.
VERSION = 1

#: Host and port.
Address: TypeAlias = tuple[str, str]


class TraceError(Exception):
    """A file is no trace: a sentence with the file, the line and the problem."""


@dataclass(frozen=True)
class Ref:
    """An object of the module, by its number in the trace."""

    number: int
    class_name: str


@dataclass(frozen=True)
class Other:
    """A value of which the recorder notes the type only: a function, a thread, a nested table."""

    type_name: str


@dataclass(frozen=True)
class Call:
    """A recorded call; see ``trace.schema.json`` for the fields.

    Strings are bytes, tables are tuples of pairs, and `line` is the line of the file. `results` is None where the call
    raised `error`.
    """

    number: int
    line: int
    at: float
    took: float
    function: str
    object: int | None
    class_name: str
    becomes: str
    args: tuple[Any, ...]
    results: tuple[Any, ...] | None
    error: Any
    local: Address | None
    peer: Address | None

    def arg(self, position: int) -> Any:
        """Return an argument, from 1; None if there are fewer."""
        return self.args[position - 1] if position <= len(self.args) else None

    @property
    def about(self) -> str:
        """The call as it is written in Lua: ``client:receive("*l")``."""
        if self.object is None:
            prefix = "socket."
        else:
            prefix = self.class_name.partition("{")[2].rstrip("}") + ":"
        return f"{prefix}{self.function}({show_values(self.args)})"


@dataclass(frozen=True)
class Event:
    """An event that the recording proxy noticed on a connection; see ``trace.schema.json`` for the fields.

    `source` is the side that it came from, and `at` counts from the start of the recording.
    """

    line: int
    connection: int
    at: float
    kind: str
    source: str
    data: bytes
    reason: str
    local: Address | None
    peer: Address | None


@dataclass
class Trace:
    """The calls of one program, or the events of a proxy.

    Attributes
    ----------
    protocol
        That of a proxy, "tcp" or "udp"; empty for a program.
    started
        Seconds since 1970.
    resolution
        Seconds by which a time may be too early or too late.
    """

    file: Path
    module: str
    lua: str
    started: float
    protocol: str = ""
    resolution: float = 0.0
    calls: list[Call] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    @property
    def ended(self) -> float:
        """The time of the last thing that was recorded, in seconds since 1970."""
        last = max((call.at + call.took for call in self.calls[-1:]), default=0.0)
        return self.started + max((event.at for event in self.events[-1:]), default=last)


def _value(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("latin-1")
    if isinstance(value, Mapping):
        if "object" in value:
            return Ref(value["object"], value["class"])
        if "number" in value:
            return float(value["number"])
        if "table" in value:
            return tuple((_value(key), _value(item)) for key, item in value["table"])
        return Other(value["type"])
    return value


def _values(values: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(map(_value, values))


def _call(line: int, fields: Mapping[str, Any]) -> Call:
    name = fields.get("class", "")
    addresses = [tuple(fields[key]) if key in fields else None for key in ("local", "peer")]
    return Call(
        fields["call"], line, fields["at"], fields["took"], fields["function"], fields.get("object"), name,
        fields.get("becomes", name), _values(fields["args"]),
        _values(fields["results"]) if "results" in fields else None, _value(fields.get("error")), *addresses,
    )  # fmt: skip


def _event(line: int, fields: Mapping[str, Any]) -> Event:
    addresses = [tuple(fields[key]) if key in fields else None for key in ("local", "peer")]
    return Event(
        line, fields["connection"], fields["at"], fields["event"], fields.get("from", ""),
        fields.get("bytes", "").encode("latin-1"), fields.get("reason", ""), *addresses,
    )  # fmt: skip


def _header(file: Path, fields: Mapping[str, Any]) -> Trace:
    if fields["trace"] != VERSION:
        raise TraceError(f"{file}:1: a trace of version {fields['trace']!r}; this program reads {VERSION}.")
    if "proxy" in fields:
        about = f"from {':'.join(fields['listen'])} to {':'.join(fields['to'])}"
        return Trace(file, f"recording proxy, {about}", fields["proxy"].upper(), fields["started"], fields["proxy"])
    return Trace(file, fields["module"], fields["lua"], fields["started"], resolution=fields.get("resolution", 0.0))


def read(file: Path) -> Trace:
    """Read a trace.

    Raises
    ------
    TraceError
        The file cannot be read, or a line is none of a trace's.
    """
    try:
        with file.open("rb") as stream:
            data = stream.read(LIMIT + 1)
    except OSError as error:
        raise TraceError(f"{file}: {error.strerror or error}.") from None
    if len(data) > LIMIT:
        raise TraceError(f"{file}: it has more than {LIMIT} bytes.")
    lines = data.splitlines()
    trace: Trace | None = None
    for number, line in enumerate(lines, 1):
        try:
            fields = json.loads(line)
            if trace is None:
                trace = _header(file, fields)
            elif trace.protocol:
                trace.events.append(_event(number, fields))
            else:
                trace.calls.append(_call(number, fields))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            if trace is not None and number == len(lines):
                break  # the program was killed while it wrote
            what = ("an event" if trace.protocol else "a call") if trace is not None else "the header of a trace"
            raise TraceError(f"{file}:{number}: this line is not {what}.") from None
    if trace is None:
        raise TraceError(f"{file}: the file is empty; no call was recorded.")
    return trace


def listed(table: Any) -> list[Ref]:
    """Return the objects in the list part of a table, as select reads it: up to the first position without a value."""
    if not isinstance(table, tuple):
        return []
    entries = {key: value for key, value in table if isinstance(key, int | float) and not isinstance(key, bool)}
    found = []
    position = 1
    while position in entries:
        if isinstance(entries[position], Ref):
            found.append(entries[position])
        position += 1
    return found


def show(value: Any) -> str:
    """Return a value in Lua's notation."""
    if value is None:
        return "nil"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return notation.number(value)
    if isinstance(value, bytes):
        return notation.string(value)
    if isinstance(value, Ref):
        return f"<{value.class_name} {value.number}>"
    if isinstance(value, Other):
        return f"<{value.type_name}>"
    return notation.table(value, show)


def show_values(values: Sequence[Any]) -> str:
    """Return a list of values in Lua's notation."""
    return ", ".join(map(show, values))


def is_number(value: Any) -> bool:
    """Return whether a value is a number of Lua's."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def host_of(value: Any) -> Host | None:
    """Return a value that is a numeric address; None for names, and for addresses with a zone."""
    try:
        return ipaddress.ip_address(value.decode("latin-1")) if isinstance(value, bytes) and b"%" not in value else None
    except ValueError:
        return None


def number_of(value: Any) -> float | None:
    """Return an argument that is a number or a plain numeral."""
    if isinstance(value, bytes):
        try:
            return float(value) if value.strip().isdigit() else None
        except ValueError:
            return None
    return value if is_number(value) else None
