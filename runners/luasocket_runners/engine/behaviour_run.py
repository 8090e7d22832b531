"""One run of a behaviour: exchanges messages with the port, and has peers act at their times.

The steps of a behaviour, and those of a function that the port calls, are generators that yield requests and are sent
the replies. The generators that wait for a reply form a stack, as the calls in the port do. A function that yields in a
coroutine leaves the stack with all that is above it, and returns when the coroutine is resumed: so the request that is
replied to determines which generator goes on.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from luasocket_spec import model
from luasocket_spec.model import Authority, Behaviour
from luasocket_spec.reading.steps import LUA_FUNCTIONS

from luasocket_runners import notation
from luasocket_runners.engine.failure import Failure, Position
from luasocket_runners.engine.leaking import Leaks
from luasocket_runners.engine.port_process import PortProcess
from luasocket_runners.engine.requests import CallGenerator, Reply, Request, ScheduledAction, StepGenerator
from luasocket_runners.engine.steps import Steps, waiting_time
from luasocket_runners.peers.actions import JUDGING, rhythm
from luasocket_runners.peers.endpoint import PeerFailure
from luasocket_runners.result import Recorded, Use, Verdict
from luasocket_runners.values import BadMessage, LuaValue, decode, decode_list, quoted

#: Seconds after which a call that does not return by a quirk has hung: LuaSocket's would have returned at once.
_HANGING: Final = 1.0
#: Characters of a request that an adapter may need seconds to read.
_LONG_REQUEST: Final = 1_000_000


@dataclass(slots=True)
class _Frame:
    """A generator, and the request whose reply it waits for."""

    steps: StepGenerator | CallGenerator
    request: Request | None = None
    number: int = 0
    began: float = 0.0
    end: float = 0.0  #: when the request counts as hanging
    posted: bool = False  #: whether the request was sent
    scheduled: list[ScheduledAction] = field(default_factory=list)


class BehaviourRun:
    """Runs a behaviour once.

    Attributes
    ----------
    answered
        Whether the port has answered any request.
    position
        The current step.
    """

    def __init__(self, behaviour: Behaviour, process: PortProcess) -> None:
        self._process = process
        self._connection = process.connection()
        self.position = Position()
        self._steps = Steps(behaviour, process, self.position)
        self._has_functions = bool(behaviour.functions)
        #: Seconds that the functions may need together, beyond the deadline of the call that calls them.
        self._function_time = sum(waiting_time(function.steps) for function in behaviour.functions.values())
        self._stack: list[_Frame] = []
        self._suspended: list[list[_Frame]] = []
        self.answered = False

    @property
    def followed(self) -> Authority | None:
        """The reading that the port follows, if documentation and library disagree about it."""
        return self._steps.readings.followed

    @property
    def changed_fields(self) -> Mapping[str, LuaValue]:
        """The fields of the module that were set, with their former values."""
        return self._steps.changed_fields

    @property
    def quirks_used(self) -> tuple[str, ...]:
        """The quirks without which the port would have failed so far, in the order of their first use."""
        return tuple(self._steps.quirks_used)

    @property
    def uses(self) -> tuple[Use, ...]:
        """The calls that needed them."""
        return tuple(self._steps.uses)

    @property
    def calls(self) -> tuple[Recorded, ...]:
        """The calls up to now, if the engine records them."""
        return tuple(self._steps.recording.calls)

    @property
    def leaks(self) -> Leaks:
        """The descriptors that its calls may have left open, by the quirks."""
        return self._steps.leaks()

    def close_peers(self) -> None:
        """Close every peer."""
        self._steps.peers.close()

    def run(self) -> None:
        """Run all steps.

        Raises
        ------
        Failure
            At the first difference.
        PortGone, BadMessage
            When the port dies or breaks the protocol.
        """
        try:
            self._stack.append(_Frame(self._steps.everything()))
            self._advance(None)
            while self._stack:
                self._wait()
        except Failure as failure:
            # inside a function, the port is in the middle of a call
            failure.restart = failure.restart or len(self._stack) > 1
            raise

    # -- the generators

    def _advance(self, reply: Reply | None) -> None:
        """Run the topmost generator to its next request and send that, or to its end."""
        frame = self._stack[-1]
        try:
            request = frame.steps.send(reply)  # type: ignore[arg-type]  # None starts a generator
        except StopIteration as end:
            self._stack.pop()
            if end.value is not None:
                self._connection.post(end.value)
            return
        process = self._process
        frame.request = request
        frame.number = request.message["id"] = process.next_number()
        frame.began = time.monotonic()
        deadline = min(process.deadline, _HANGING) if request.hanging else process.deadline
        frame.end = frame.began + deadline + request.waits + self._function_time
        self.position.at(request.call, request.source, request.expected, request.function)
        if request.meanwhile:
            frame.scheduled = [self._schedule(item, frame.began, request.prefix) for item in request.meanwhile]
        # if the reply is all that can happen next, `_wait` sends the request and waits for the reply in one call
        frame.posted = bool(frame.scheduled) or self._has_functions
        if frame.posted:
            self._connection.post(request.message)

    @staticmethod
    def _schedule(item: model.While, began: float, prefix: str) -> ScheduledAction:
        every, times = (None, None) if isinstance(item.action, model.Interruption) else rhythm(item.action)
        return ScheduledAction(began + item.after, item.action, prefix, every, times)

    # -- the messages

    def _wait(self) -> None:
        """Wait for the next message, or for the time of a peer's action, and handle it."""
        frame = self._stack[-1]
        if not frame.posted:
            assert frame.request is not None
            message = self._process.ask(frame.request.message, frame.end - frame.began)
            if message is None:
                raise self._hang(frame)
            self._handle(message)
            return
        scheduled = [item for waiting in self._stack for item in waiting.scheduled]
        next_action = min(scheduled, key=lambda item: item.at, default=None)
        # a call that calls functions for ever hangs as well, though each of these calls is answered soon
        first = min(self._stack, key=lambda waiting: waiting.end)
        until = first.end if next_action is None else min(first.end, next_action.at)
        message = self._connection.wait(max(0.0, until - time.monotonic()))
        now = time.monotonic()
        if message is not None:
            if now >= first.end and "callback" in message:
                raise self._hang(first)
            self._handle(message)
        elif next_action is not None and now >= next_action.at:
            self._perform(next_action)
        elif now >= first.end:
            raise self._hang(first)

    def _hang(self, frame: _Frame) -> Failure:
        request = self._return_to(frame)
        if request.hanging:
            self._steps.quirks_used.update(dict.fromkeys(request.hanging))
            return Failure("", verdict=Verdict.QUIRKS, hung=True, restart=True)
        seconds = frame.end - frame.began
        remarks = self._about_size(request) + self._process.unfinished()
        reason = f"the call hangs: it did not return within {seconds:g} s{remarks}"
        observation = None if request.observe is None else request.observe(None)
        return Failure(reason, hung=True, restart=True, observation=observation)

    def _about_size(self, request: Request) -> str:
        """Return a remark about a long request, which a slow JSON parser needs seconds for; else the empty string."""
        size = 0 if self._process.repeats else len(json.dumps(request.message))
        if size < _LONG_REQUEST:
            return ""
        return (
            f" (the request has {size / 1e6:.0f} MB; with the capability 'repeat' it would be short, see PROTOCOL.md)"
        )

    def _return_to(self, frame: _Frame) -> Request:
        """Make a frame's request the current step again."""
        request = frame.request
        assert request is not None
        self.position.at(request.call, request.source, request.expected, request.function)
        return request

    def _perform(self, scheduled: ScheduledAction) -> None:
        """Have a peer act while a call is in progress, and schedule the action again if it repeats."""
        if isinstance(scheduled.action, model.Interruption):
            self._process.interrupt()
        else:
            self._act(scheduled, scheduled.action)
        if scheduled.every is None or scheduled.times == 1:
            for frame in self._stack:
                if scheduled in frame.scheduled:
                    frame.scheduled.remove(scheduled)
        else:
            # counted from now: a peer that is late must not hurry, so that the port finds nothing at times
            scheduled.at = time.monotonic() + scheduled.every
            scheduled.times = None if scheduled.times is None else scheduled.times - 1

    def _act(self, scheduled: ScheduledAction, action: model.PeerAction) -> None:
        scope = self._steps.bindings.scope(scheduled.prefix)
        try:
            self._steps.peers.act(action, scope)
        except (PeerFailure, OSError) as trouble:
            if isinstance(trouble, PeerFailure) and action.verb in JUDGING:
                self.position.at(self._steps.peers.shown(action, scope), action.source)
                failure = self._steps.peers.failure(trouble)
                failure.restart = True
                raise failure from None
            # the call may have returned and closed in the meantime: then its reply counts, not the peer's trouble
            scheduled.every = None

    def _handle(self, message: dict[str, Any]) -> None:
        if "callback" in message:
            self._call_function(message)
            return
        frame = self._frame_of(message)
        self.answered = True
        self._advance(self._reply(frame, message))

    def _call_function(self, message: dict[str, Any]) -> None:
        number, index = message.get("id"), message["callback"]
        current = self._stack[-1].number
        if number != current:
            raise BadMessage(f"a callback of request {quoted(number)} while request {current} is in progress")
        if not isinstance(index, int) or not 1 <= index <= len(self._steps.functions):
            raise BadMessage(f"a callback of function {quoted(index)}, which the runner never passed")
        self.answered = True
        args = decode_list(message.get("args"), "args")
        self._stack.append(_Frame(self._steps.function_called(index, args)))
        self._advance(None)

    def _frame_of(self, message: dict[str, Any]) -> _Frame:
        """Return the frame of the request that a message replies to, which becomes the topmost one."""
        number = message.get("id")
        for depth, frame in enumerate(self._stack):
            if frame.number == number:
                if depth + 1 < len(self._stack):
                    # a function has yielded: its frame and those above it are suspended with the coroutine
                    self._suspended.append(self._stack[depth + 1 :])
                    del self._stack[depth + 1 :]
                return frame
        resumed = next((frames for frames in self._suspended if frames[-1].number == number), None)
        if resumed is None:
            if number is None and "fault" in message:
                reason = f"the adapter could not read a request: {notation.plain(message['fault'])}"
                raise Failure(reason, verdict=Verdict.ERRORED, restart=True)
            raise BadMessage(self._process.wrong_reply(message, self._stack[-1].number))
        self._suspended.remove(resumed)
        self._stack.extend(resumed)
        return resumed[-1]

    def _reply(self, frame: _Frame, message: dict[str, Any]) -> Reply:
        duration = time.monotonic() - frame.began
        request = self._return_to(frame)
        frame.scheduled = []
        if "returns" in message:
            return Reply(decode_list(message["returns"], "returns"), None, duration)
        if "raises" in message:
            return Reply(None, decode(message["raises"]), duration)
        if "missing" in message:
            method = request.message.get("method")
            missing = f":{method}" if method else request.message.get("target")
            reason = f"the port has no {notation.plain(message['missing'])}"
            if missing in LUA_FUNCTIONS:
                reason = f"the adapter has no equivalent of Lua's own function {missing}, see PROTOCOL.md under Targets"
            error = _error_of_lua(request.message)
            observation = None if request.observe is None else request.observe(error)
            failure = Failure(reason, verdict=Verdict.NOT_IMPLEMENTED, missing=missing, observation=observation)
            if not request.quirked:
                raise failure
            return Reply(None, error, duration, failure)
        if "fault" in message:
            reason = f"the adapter reported a fault: {notation.plain(message['fault'])}"
            raise Failure(reason, verdict=Verdict.ERRORED, restart=True)
        keys = quoted(sorted(message))
        raise BadMessage(f"a reply with the keys {keys}, without returns, raises, missing or fault")


def _error_of_lua(message: Mapping[str, Any]) -> bytes:
    """Return the error that Lua raises for a call of a function that is not there."""
    name = f"method '{message['method']}'" if "method" in message else f"field '{message['target']}'"
    return f"attempt to call a nil value ({name})".encode()
