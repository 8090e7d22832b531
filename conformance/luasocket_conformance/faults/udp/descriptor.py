"""Faulty ports that the behaviours of ``udp/descriptor.yaml`` detect."""

from __future__ import annotations

from typing import Any

from luasocket_conformance.faults.factories import descriptor_number, returns_always
from luasocket_conformance.faults.factories.families import add_getfd_is_a_string, add_missing_methods
from luasocket_conformance.faults.factories.objects import family_of_the_address, takes_the_family_of_its_descriptor
from luasocket_conformance.faults.mechanism import Faults, Original, Values

FAULTS = Faults(__name__, also_fails=("udp", "select", "helper", "module", "tcp/options", "tcp/states"), deadline=1.0)


FAULTS.add(
    "udp-setfd-does-nothing",
    "The descriptor stays.",
    "udp:setfd",
    returns_always(),
    detected_by="udp/descriptor/set-exchanges",
)

add_getfd_is_a_string(FAULTS, "udp")
add_missing_methods(FAULTS, "udp", {"getfd": "udp/descriptor/of-an-open-object"})

FAULTS.add(
    "udp-setfd-sets-the-family",
    "An object of no family has that of the descriptor that it is given.",
    ("udp:setfd", "udp:getsockname"),
    takes_the_family_of_its_descriptor,
    detected_by="udp/descriptor/set-gives-no-family",
)
FAULTS.add(
    "udp-peers-have-the-family-of-the-descriptor",
    "The family that getpeername returns is that of the address.",
    "udp:getpeername",
    family_of_the_address,
    detected_by="udp/descriptor/set-gives-no-family-to-the-peer",
)


def _keeps_its_first_socket(original: Original, obj: Any, *args: Any) -> Values:
    """Fail when the object has another descriptor than in the first call of the method."""
    number = descriptor_number(original, obj)
    if number >= 0 and original.memory.setdefault(obj, number) != number:
        return (None, b"Bad file descriptor")
    return original(obj, *args)


for _class, _method in (
    ("unconnected", "sendto"),
    ("unconnected", "receive"),
    ("unconnected", "receivefrom"),
    ("connected", "send"),
    ("connected", "receive"),
):
    FAULTS.add(
        f"{_class}-udp-keeps-its-first-socket-in-{_method}",
        f"On an object that was given another descriptor, {_method} uses the socket that it has used before.",
        f"udp{{{_class}}}:{_method}",
        _keeps_its_first_socket,
        detected_by=f"udp/descriptor/{_class}-with-another",
    )
