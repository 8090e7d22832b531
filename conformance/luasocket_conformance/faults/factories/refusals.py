"""Faults in addresses and ports as arguments: one kind of them is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from luasocket_conformance.faults.factories import Test, is_host_name, is_ipv4, is_ipv6, is_one_of, refuses_argument
from luasocket_conformance.faults.factories.objects import port_number
from luasocket_conformance.faults.mechanism import Faults, Mistake


def _is_string(value: Any) -> bool:
    return isinstance(value, bytes)


def _is_service(value: Any) -> bool:
    return isinstance(value, bytes) and not value.isdigit()


def _is_beyond_65535(value: Any) -> bool:
    return port_number(value) > 65535


#: The refused addresses: the end of the faulty port's name, its sentence, and a test of the argument.
ADDRESSES: Final[Mapping[str, tuple[str, Test]]] = {
    "wants-names": ("An IP address is refused.", is_ipv4),
    "wants-addresses": ("A host name is refused.", is_host_name),
    "knows-no-asterisk": ('The address "*" is refused.', is_one_of(b"*")),
    "knows-no-ipv6": ("IPv6 addresses are refused.", is_ipv6),
}

#: Likewise the refused ports.
PORTS: Final[Mapping[str, tuple[str, Test]]] = {
    "wants-a-port": ("Port 0 is refused.", is_one_of(0)),
    "wants-a-number": ("A port that is a string is refused.", _is_string),
    "wants-no-service": ("The name of a service is refused.", _is_service),
    "refuses-ports-beyond-65535": ("A port from 65536 on raises.", _is_beyond_65535),
}


def add_refusals(
    faults: Faults,
    name: str,
    target: str,
    *,
    at: int,
    violates: Mapping[str, str] | None = None,
    detected_by: Mapping[str, str] | None = None,
) -> None:
    """Add faulty ports that refuse a kind of address or of port.

    Parameters
    ----------
    faults
        The list to which they are added.
    name
        The beginning of their names.
    target
        The function with the mistake.
    at
        The position of the address among its arguments; that of the port is the next one.
    violates
        Kinds, as in `ADDRESSES` and `PORTS`, each with the statement that the mistake violates.
    detected_by
        Other kinds, each with a selector.
    """

    def refusal(kind: str) -> tuple[str, str, str, Mistake]:
        says, test = {**ADDRESSES, **PORTS}[kind]
        position = at if kind in ADDRESSES else at + 1
        return f"{name}-{kind}", says, target, refuses_argument(position)(test)

    for kind, statement in (violates or {}).items():
        faults.add(*refusal(kind), violates=statement)
    for kind, selector in (detected_by or {}).items():
        faults.add(*refusal(kind), detected_by=selector)
