"""Faulty ports that the behaviours of ``udp/option-scope.yaml`` detect."""

from __future__ import annotations

from typing import Any

from luasocket_conformance.faults.factories import after_success, failed
from luasocket_conformance.faults.factories.states import options_belong_to_the_object
from luasocket_conformance.faults.mechanism import Faults, Original, Values

FAULTS = Faults(__name__, also_fails=("udp",))


@FAULTS.fault("udp:setpeername", detected_by="udp/option-scope/survives/setpeername-dontroute")
@after_success
def setpeername_takes_routes(original: Original, _results: Values, obj: Any, *_args: Any) -> None:
    """An object that gets a peer has dontroute off."""
    original.method(obj, "setoption", b"dontroute", False)


@FAULTS.fault("udp:setsockname", detected_by="udp/option-scope/survives/setsockname-ip-multicast-loop")
@after_success
def setsockname_loops_back(original: Original, _results: Values, obj: Any, *_args: Any) -> None:
    """An object that is bound has ip-multicast-loop on."""
    original.method(obj, "setoption", b"ip-multicast-loop", True)


@FAULTS.fault("udp:setsockname", detected_by="udp/option-scope/survives/in-use-broadcast")
def failed_setsockname_makes_a_new_socket(original: Original, obj: Any, *args: Any) -> Values:
    """A setsockname that fails sets broadcast to false."""
    results = original(obj, *args)
    if failed(results):
        original.method(obj, "setoption", b"broadcast", False)
    return results


@FAULTS.fault("udp:sendto", detected_by="udp/option-scope/survives/sendto-ip-multicast-if")
@after_success
def sendto_chooses_the_interface(original: Original, _results: Values, obj: Any, *_args: Any) -> None:
    """Sending leaves ip-multicast-if to the system."""
    original.method(obj, "setoption", b"ip-multicast-if", b"*")


FAULTS.add(
    "setsockname-sets-the-options-again",
    "The next socket that an object is bound with has the options of the last one.",
    ("udp:setsockname", "udp:setoption"),
    options_belong_to_the_object,
    detected_by="udp/option-scope/none-after-close",
)
