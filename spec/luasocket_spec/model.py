"""The behaviours, fixtures and statements as immutable Python objects.

The classes mirror the format that ``spec/FORMAT.md`` describes. Reading files is left to ``reading``, running
behaviours and comparing values to the runners.

Values inside the model are *spec values*: ``None``, ``bool``, ``int``, ``float``, ``bytes`` (every Lua string), and the
classes below that derive from :class:`Value`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

Dialect: TypeAlias = Literal["defold", "luasocket-3"]
DIALECTS: tuple[Dialect, ...] = ("defold", "luasocket-3")

Authority: TypeAlias = Literal["documented", "observed"]
AUTHORITIES: tuple[Authority, ...] = ("documented", "observed")


@dataclass(frozen=True, slots=True)
class Source:
    """A place in the data: file (relative to the spec's data directory) and line (from 1)."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class Value:
    """Base of the values that are not plain Python ones."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Ref(Value):
    """``$name`` or ``$name.field``: the value that is bound to the name. ``name`` has no dollar."""

    name: str


@dataclass(frozen=True, slots=True)
class Splice(Value):
    """``$...``: all the arguments of the function around it; only in lists inside ``functions``."""


@dataclass(frozen=True, slots=True)
class TableSpec(Value):
    """A plain table with exactly these entries. A YAML list becomes keys 1 to n."""

    entries: tuple[tuple[SpecValue, SpecValue], ...]


@dataclass(frozen=True, slots=True)
class Repeat(Value):
    """A string repeated: ``text * times``."""

    text: bytes
    times: int


@dataclass(frozen=True, slots=True)
class Concat(Value):
    """Strings joined."""

    parts: tuple[SpecValue, ...]


class MatcherSpec(Value):
    """Base of the matchers, which are allowed only where a value is expected."""

    __slots__ = ()


#: The types for ``{type: …}``. ``object``: a handle that is not a function.
TYPES = ("nil", "boolean", "number", "string", "table", "function", "object", "any")


@dataclass(frozen=True, slots=True)
class OfType(MatcherSpec):
    """A value of one of these types (see :data:`TYPES`)."""

    types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Between(MatcherSpec):
    """A number, both bounds included."""

    low: SpecValue
    high: SpecValue


@dataclass(frozen=True, slots=True)
class Pattern(MatcherSpec):
    """A string (Latin-1) in which the regular expression is found; ``words`` say it for people, if they are better."""

    regex: str
    words: str = field(default="", compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class OneOf(MatcherSpec):
    """A value that meets any of these."""

    choices: tuple[SpecValue, ...]


@dataclass(frozen=True, slots=True)
class Fields(MatcherSpec):
    """A table with these entries, and perhaps others."""

    entries: tuple[tuple[SpecValue, SpecValue], ...]


@dataclass(frozen=True, slots=True)
class Keyed(MatcherSpec):
    """A doubly keyed table, exactly ``{[1] = a, [a] = 1, …}``."""

    items: tuple[SpecValue, ...]


@dataclass(frozen=True, slots=True)
class Length(MatcherSpec):
    """A string of that many bytes."""

    bytes: int


@dataclass(frozen=True, slots=True)
class ListOf(MatcherSpec):
    """A table whose keys are 1 to n, n from 0 on, and each of whose values meets ``item``."""

    item: SpecValue


#: The subtypes of numbers, where the port's Lua has them.
SUBTYPES = ("integer", "float")


@dataclass(frozen=True, slots=True)
class Subtype(MatcherSpec):
    """A number of this subtype (see :data:`SUBTYPES`) that meets ``number``."""

    name: str
    number: SpecValue


SpecValue: TypeAlias = None | bool | int | float | bytes | Value


@dataclass(frozen=True, slots=True)
class Returns:
    """Exactly these results, in number and order."""

    values: tuple[SpecValue, ...]


@dataclass(frozen=True, slots=True)
class Raises:
    """A raised error: its message contains ``part``, or, if ``part`` is None, its value meets ``value``."""

    part: bytes | None
    value: SpecValue = None


@dataclass(frozen=True, slots=True)
class Succeeds:
    """Nothing raised; the first result, if any, neither nil nor false."""


Outcome: TypeAlias = Returns | Raises | Succeeds


@dataclass(frozen=True, slots=True)
class Reading:
    """A reading of the spec: a dialect, an authority or both; None stands for either."""

    dialect: Dialect | None = None
    authority: Authority | None = None


@dataclass(frozen=True, slots=True)
class Expectation:
    """The expected outcome for each reading; if the YAML distinguishes none, one entry with ``Reading()``."""

    by_reading: tuple[tuple[Reading, Outcome], ...]


@dataclass(frozen=True, slots=True)
class Takes:
    """Bounds of a call's duration in seconds; None: no bound."""

    at_least: float | None = None
    at_most: float | None = None


@dataclass(frozen=True, slots=True)
class PeerAction:
    """An action of a peer.

    ``verb`` is one of the actions of the format (``listen``, ``accept``, ``send``, …), ``value`` its argument,
    ``options`` the other keys of the map (``backlog``, ``to``, ``ip``, ``every``, ``times``, ``small_buffers``,
    ``apart``).
    ``who`` is the peer's name, which the loader fills in where the YAML omits it. ``bind`` is the name of ``as``.
    """

    who: str
    verb: str
    value: SpecValue
    options: Mapping[str, SpecValue]
    bind: str | None
    source: Source


@dataclass(frozen=True, slots=True)
class Interruption:
    """The processes of the port are stopped by a signal, and continued by another one."""

    source: Source


@dataclass(frozen=True, slots=True)
class While:
    """What happens ``after`` seconds from the beginning of the call that blocks."""

    after: float
    action: PeerAction | Interruption


@dataclass(frozen=True, slots=True)
class MethodTarget:
    """``client:receive``"""

    name: str
    method: str


@dataclass(frozen=True, slots=True)
class PathTarget:
    """``socket.dns.toip`` or one of Lua's own functions (``tostring``)."""

    path: str


@dataclass(frozen=True, slots=True)
class ValueTarget:
    """``$try``: a function that is bound to a name."""

    name: str


Target: TypeAlias = MethodTarget | PathTarget | ValueTarget


@dataclass(frozen=True, slots=True)
class Call:
    """A call and its expected outcome.

    ``binds``: names for the results in order, or for the value of the error; None skips one. ``keep``: plain tables
    among the results stay in the port, and the names stand for the tables themselves.
    """

    target: Target
    args: tuple[SpecValue, ...]
    expect: Expectation
    binds: tuple[str | None, ...]
    takes: Takes
    meanwhile: tuple[While, ...]
    source: Source
    keep: bool = False


@dataclass(frozen=True, slots=True)
class Get:
    """Reads a field of a handle (``name`` set) or a path from the module (``name`` None)."""

    name: str | None
    field: str
    expect: Expectation
    bind: str | None
    source: Source


@dataclass(frozen=True, slots=True)
class Set:
    """Writes a path of the module."""

    path: str
    value: SpecValue
    source: Source


@dataclass(frozen=True, slots=True)
class Make:
    """Builds a table that keeps its identity and binds it.

    ``calls`` is the function that a call of it calls. ``inherits`` is the table, object or function that it has the
    entries from that are not its own.
    """

    name: str
    value: SpecValue
    source: Source
    calls: SpecValue = None
    inherits: SpecValue = None


@dataclass(frozen=True, slots=True)
class Drop:
    """Forgets handles; the port then collects garbage."""

    names: tuple[str, ...]
    source: Source


@dataclass(frozen=True, slots=True)
class Called:
    """A function of ``functions`` was called ``times`` times, with ``args`` (one tuple for each call; None: any)."""

    function: str
    times: int
    args: tuple[tuple[SpecValue, ...], ...] | None
    source: Source


#: The options that a step can read from the socket below an object, and the type of each: a number (0 and 1 for false
#: and true), a string, or a table with the named fields. The names are those of the C constants.
SYSTEM_OPTIONS: Final[Mapping[str, str]] = {
    "SO_KEEPALIVE": "number",
    "SO_REUSEADDR": "number",
    "SO_REUSEPORT": "number",
    "SO_BROADCAST": "number",
    "SO_DONTROUTE": "number",
    "SO_ACCEPTCONN": "number",
    "SO_RCVBUF": "number",
    "SO_SNDBUF": "number",
    "SO_LINGER": "table: onoff, linger",
    "SO_BINDTODEVICE": "string: the name of the interface, empty for none",
    "TCP_NODELAY": "number",
    "TCP_KEEPIDLE": "number",
    "TCP_KEEPCNT": "number",
    "TCP_KEEPINTVL": "number",
    "TCP_DEFER_ACCEPT": "number",
    "TCP_FASTOPEN": "number",
    "TCP_FASTOPEN_CONNECT": "number",
    "IP_MULTICAST_TTL": "number",
    "IP_MULTICAST_LOOP": "number",
    "IP_MULTICAST_IF": "string: an IPv4 address",
    "IPV6_V6ONLY": "number",
    "IPV6_UNICAST_HOPS": "number",
    "IPV6_MULTICAST_HOPS": "number",
    "IPV6_MULTICAST_LOOP": "number",
    "O_NONBLOCK": "number",
}


@dataclass(frozen=True, slots=True)
class System:
    """Reads an option of the socket below the handle ``name``, bypassing the port: one of :data:`SYSTEM_OPTIONS`."""

    name: str
    option: str
    expect: Expectation
    source: Source


@dataclass(frozen=True, slots=True)
class PeerStep:
    """A peer acts."""

    action: PeerAction
    source: Source


Step: TypeAlias = Call | Get | Set | Make | Drop | Called | System | PeerStep


@dataclass(frozen=True, slots=True)
class Function:
    """A function as data: runs ``steps``, then returns ``returns`` or raises ``raises[0]`` (empty: does not raise)."""

    name: str
    params: tuple[str, ...]
    steps: tuple[Step, ...]
    returns: tuple[SpecValue, ...]
    raises: tuple[SpecValue, ...]
    source: Source


@dataclass(frozen=True, slots=True)
class Fixture:
    """A setup with a name. In its steps, ``self`` is the handle that it makes."""

    name: str
    says: str
    needs: tuple[str, ...]
    steps: tuple[Step, ...]
    source: Source


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A disagreement of documentation and library: a sentence for each, the version since which, and issues."""

    documented: str
    observed: str
    since: str | None
    issues: tuple[int, ...]


def subject_of(file: str) -> str:
    """Return the subject of a file of behaviours: ``tcp/receive`` of ``behaviours/tcp/receive.yaml``."""
    return file.removeprefix("behaviours/").removesuffix(".yaml")


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One behaviour; of an entry with cases, one case."""

    id: str  #: the whole identity: ``tcp/receive/line-partial-on-timeout``
    about: str
    says: str
    hint: str | None
    covers: tuple[str, ...]
    authority: Authority
    dialects: tuple[Dialect, ...]
    needs: tuple[str, ...]  #: its own and those of its fixtures
    given: tuple[tuple[str, Fixture], ...]
    functions: Mapping[str, Function] = field(hash=False)
    disagrees: Disagreement | None
    steps: tuple[Step, ...]
    source: Source
    situation: str | None = None  #: a key of :data:`luasocket_spec.situations.SITUATIONS`
    leaks: bool = False  #: whether LuaSocket itself leaves a descriptor open in it
    descriptors: int | None = None  #: how many more the port can open; it runs in a process of its own

    @property
    def entry(self) -> str:
        """The id without that of the case: the path of the file and the id that is written there."""
        name = self.id.removeprefix(f"{self.subject}/").partition("/")[0]
        return f"{self.subject}/{name}" if self.id.startswith(f"{self.subject}/") else self.id

    @property
    def subject(self) -> str:
        """The subject of its file: ``tcp/receive``."""
        return subject_of(self.source.file)

    def unconditional_steps(self) -> Iterator[Step]:
        """Yield the steps of the fixtures and its own, which run in any case."""
        for _, fixture in self.given:
            yield from fixture.steps
        yield from self.steps

    def all_steps(self) -> Iterator[Step]:
        """Yield all steps, including those of its functions, which a port may or may not call."""
        yield from self.unconditional_steps()
        for function in self.functions.values():
            yield from function.steps


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence of the documentation, restated.

    ``id`` is ``client:receive/timeout``, ``function`` the part before the slash.
    """

    id: str
    function: str
    says: str
    waived: str | None  #: why no behaviour can or need fail when it is violated
    source: Source


@dataclass(frozen=True, slots=True)
class Spec:
    """All behaviours, statements and fixtures."""

    version: str
    behaviours: tuple[Behaviour, ...]
    statements: Mapping[str, Statement] = field(hash=False)
    fixtures: Mapping[str, Fixture] = field(hash=False)
