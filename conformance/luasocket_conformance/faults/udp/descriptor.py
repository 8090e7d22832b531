"""Faulty ports that the behaviours of ``udp/descriptor.yaml`` detect."""

from __future__ import annotations

from luasocket_conformance.faults.factories import returns_always
from luasocket_conformance.faults.factories.families import add_getfd_is_a_string, add_missing_methods
from luasocket_conformance.faults.factories.objects import family_of_the_address, takes_the_family_of_its_descriptor
from luasocket_conformance.faults.mechanism import Faults

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
