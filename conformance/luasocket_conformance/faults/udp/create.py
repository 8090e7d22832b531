"""Faulty ports that the behaviours of ``udp/create.yaml`` detect."""

from __future__ import annotations

from luasocket_conformance.faults.factories import STREAMS, keeps_every_result, never_raises
from luasocket_conformance.faults.factories.families import add_missing_fields, add_missing_methods, add_result_shapes
from luasocket_conformance.faults.factories.objects import add_wrong_objects
from luasocket_conformance.faults.factories.states import mapped_without_v6only
from luasocket_conformance.faults.mechanism import ABSENT, Faults

FAULTS = Faults(
    __name__,
    also_fails=(*STREAMS, "udp", "tcp/options", "tcp/states"),
    deadline=1.0,
)


FAULTS.add(
    "udp-objects-have-no-methods",
    "An object has none of the methods.",
    (
        "udp:sendto",
        "udp:receive",
        "udp:receivefrom",
        "udp:getoption",
        "udp:getsockname",
        "udp:setoption",
        "udp:settimeout",
        "udp:setpeername",
        "udp:setsockname",
        "udp:close",
    ),
    ABSENT,
    violates=("udp/has-*", "udp6/has-*"),
)


FAULTS.add(
    "udp-objects-are-kept-for-ever",
    "Objects without references are not collected.",
    "socket.udp*",
    keeps_every_result,
    violates=("unconnected:close/collected", "connected:close/collected"),
)

FAULTS.add(
    "send-of-the-unconnected-fails",
    "An unconnected object cannot send: nil and a message.",
    "udp{unconnected}:send",
    never_raises(None, b"not connected"),
    detected_by="udp/create/no-peer",
)

for _method, _position in {"sendto": 3, "setpeername": 2, "setsockname": 2}.items():
    FAULTS.add(
        f"{_method}-maps-ipv4-addresses",
        'Without "ipv6-v6only", an object of udp6 takes an IPv4 address in its mapped form.',
        f"udp:{_method}",
        mapped_without_v6only(_position),
        detected_by=f"udp/create/udp6-without-v6only-takes-no-ipv4-address/{_method}",
    )

FAULTS.add("udp-is-missing", "There is no UDP.", "socket.udp*", ABSENT, violates="module/tcp-udp", deadline=3.0)

add_wrong_objects(FAULTS, "udp", "tcp")

add_result_shapes(FAULTS, "socket.udp", "udp", can_fail=False)
add_result_shapes(FAULTS, "socket.udp6", "udp6", can_fail=False)
add_missing_fields(FAULTS, {"udp4": "udp/create", "udp6": "udp/create"})
add_missing_methods(FAULTS, "udp", {"getfamily": "udp/create/family", "getoption": "udp/create/method"})
