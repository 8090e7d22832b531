"""Faulty ports that the behaviours of ``udp/collection.yaml`` detect."""

from __future__ import annotations

from typing import Any

from luasocket_conformance.faults.factories import STREAMS, after_success, failed, keep
from luasocket_conformance.faults.mechanism import Faults, Original, Values

FAULTS = Faults(__name__, also_fails=(*STREAMS, "udp"), deadline=1.0)


@FAULTS.fault("udp:setsockname", detected_by="udp/collection/with-a-waiting-datagram")
def bound_objects_are_kept(original: Original, obj: Any, *args: Any) -> Values:
    """A bound object is not collected."""
    keep(original, obj)
    return original(obj, *args)


@FAULTS.fault("udp:receive", detected_by="udp/collection/after-a-timeout")
def failed_receive_keeps_an_object(original: Original, obj: Any, *args: Any) -> Values:
    """An object is not collected after a receive has failed."""
    results = original(obj, *args)
    if failed(results):
        keep(original, obj)
    return results


@FAULTS.fault("udp:setpeername", detected_by="udp/collection/connected")
def connected_objects_are_kept(original: Original, obj: Any, *args: Any) -> Values:
    """An object that was connected is not collected."""
    keep(original, obj)
    return original(obj, *args)


@FAULTS.fault("udp:receive", detected_by=("udp/collection/after-use", "udp/collection/unconnected-after-use/receive"))
@after_success
def receive_keeps_an_object(original: Original, _results: Values, obj: Any, *_args: Any) -> None:
    """An object that has received is not collected."""
    keep(original, obj)


@FAULTS.fault("udp:receivefrom", detected_by="udp/collection/unconnected-after-use/receivefrom")
@after_success
def receivefrom_keeps_an_object(original: Original, _results: Values, obj: Any, *_args: Any) -> None:
    """An object that has received by receivefrom is not collected."""
    keep(original, obj)
