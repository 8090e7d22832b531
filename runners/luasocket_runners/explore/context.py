"""The context of the parts of a drawer: the program's state, the port's abilities, and how things are picked."""

from __future__ import annotations

from dataclasses import dataclass

from luasocket_spec.model import Dialect

from luasocket_runners.explore.arguments import Picker, hosts
from luasocket_runners.explore.state import State
from luasocket_runners.explore.steps import StepValue


@dataclass(frozen=True, slots=True)
class Abilities:
    """The abilities of a port.

    Attributes
    ----------
    dialect
        The dialect that is compared.
    absent
        The functions and methods that the port does not have: ``socket.tcp4``, ``client:getstats``; without a class
        (``:gettimeout``), no object has the method.
    capabilities
        The capabilities that the port declares.
    quirks
        Whether it has quirks. They are not applied to calls inside of functions.
    """

    dialect: Dialect
    absent: frozenset[str] = frozenset()
    capabilities: frozenset[str] = frozenset()
    quirks: bool = False

    def has(self, path: str) -> bool:
        """Tell whether the port has a function of the module."""
        return path not in self.absent

    @property
    def has_inheritance(self) -> bool:
        """Whether a table of a program can have a metatable, from which it inherits."""
        return "inheriting-tables" in self.capabilities

    def has_method(self, name: str, klass: str | None = None) -> bool:
        """Tell whether objects have a method: those of a class as the reference says it, or, if it is None, all."""
        if klass is None:
            return not any(label.endswith(f":{name}") for label in self.absent)
        return not {f":{name}", method_label(klass, name)} & self.absent


def method_label(klass: str, name: str) -> str:
    """Return a method of a class as the documentation calls it: ``client:getstats`` for ``tcp{client}``."""
    return f"{klass.partition('{')[2].rstrip('}')}:{name}"


@dataclass(frozen=True, slots=True)
class Context:
    """The drawing of one program.

    Attributes
    ----------
    ipv6
        Whether the program is mostly about IPv6. Objects and peers of one family meet more often than those of two.
    """

    picker: Picker
    state: State
    port: Abilities
    ipv6: bool

    @classmethod
    def drawn(cls, picker: Picker, state: State, port: Abilities) -> Context:
        """Draw the family of a program."""
        return cls(picker, state, port, b"::1" in hosts() and picker.one_in(4))

    def ip(self) -> bytes:
        """Return the address of the program's family."""
        return b"::1" if self.ipv6 else b"127.0.0.1"

    def host(self) -> StepValue:
        """Draw an address or a name of this machine: mostly that of the program's family."""
        return self.picker.pick(hosts()) if self.picker.one_in(3) else self.ip()
