"""A port's process: started when needed, described, probed for capabilities, reset and restarted.

The process of a port that lives in the runner, or behind a TCP connection, is its current connection.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar, Final, Literal, TypeVar

from luasocket_spec import model
from luasocket_spec.model import Authority, Behaviour, Dialect

from luasocket_runners import notation, processes
from luasocket_runners.capabilities import descriptors, interruption, machine, probes
from luasocket_runners.capabilities.jitter import Jitter
from luasocket_runners.engine.failure import Failure
from luasocket_runners.ports import Connection, Port, PortGone, PortUnavailable
from luasocket_runners.quirks import NO_QUIRKS, Quirks
from luasocket_runners.result import Verdict
from luasocket_runners.values import BadMessage, LuaValue, decode_list, encode, quoted

#: Seconds after which a call that should have returned counts as hanging. The longest call of the spec moves 10 MB,
#: which takes less than a second; ten leave room for a machine under full load.
DEADLINE: Final = 10.0
#: How often a port may die in a row without answering a single request before it counts as unavailable.
MAX_START_FAILURES: Final = 3
#: The version of the protocol that the runner speaks.
PROTOCOL: Final = 1
#: Seconds that a port has to close descriptors in the background after a reset, before they count as leaked.
CLOSING_TIME: Final = 0.2


Found = TypeVar("Found")


class PortProcess:
    """One running instance of a port, replaced by a new one whenever it ends. Use as a context manager.

    Parameters
    ----------
    port
        The port.
    dialect
        The dialect that it is checked against; None: the one that its adapter names.
    authority
        The reading that it is checked against where documentation and library disagree; None: either.
    deadline
        Seconds after which a call counts as hanging, beyond those that it is to wait.
    quirks
        The rules by which it differs.
    jitter
        The clock of the machine's delays; None: the process has one of its own.

    Attributes
    ----------
    description
        The reply to ``describe`` (see ``PROTOCOL.md``); its strings are escaped.
    dialect, authority, deadline, quirks
        As above; the dialect is known once the port has described itself.
    records
        Whether the calls of behaviours are recorded.
    fresh
        Whether the process has answered no request of a behaviour yet.
    dialect_guessed
        Whether the dialect was guessed from the port's traits, because neither the user nor the adapter names one.
    repeats
        Whether the port understands strings in the form of repetitions.
    inspected
        The process whose descriptors the runner can inspect; known once the capability ``inspection`` was probed.
    """

    #: How many ports live in the runner's own process now.
    _in_this_process: ClassVar[int] = 0

    def __init__(
        self,
        port: Port,
        dialect: Dialect | None,
        authority: Authority | None,
        deadline: float,
        quirks: Quirks = NO_QUIRKS,
        jitter: Jitter | None = None,
        *,
        records: bool = False,
    ) -> None:
        self._port = port
        self._can_live_here = port.lives_here
        self._requested_dialect = dialect
        self.dialect: Dialect = dialect or "luasocket-3"
        self.dialect_guessed = False
        self.authority = authority
        self.deadline = deadline
        self.quirks = quirks
        self.description: Mapping[str, Any] = {}
        self.fresh = True
        self.repeats = False
        self.inspected: int | None = None
        self._connection: Connection | None = None
        self._probed: dict[str, bool] = {}
        self._start_failures = 0
        self._request_number = 0
        self.records = records
        self._jitter = jitter or Jitter()
        self._measuring: AbstractContextManager[object] = self._jitter if jitter is None else nullcontext()
        self._processes: tuple[int, ...] = ()
        self._open_descriptors: int | None = None
        self._descriptor_room: int | None = None  # in this process

    def __enter__(self) -> PortProcess:
        try:
            machine.check()
        except machine.UnfitMachine as unfit:
            raise PortUnavailable(str(unfit)) from None
        self._measuring.__enter__()
        try:
            self.connection()
        except BaseException:
            self._measuring.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_exc: object) -> None:
        try:
            self.end()
        finally:
            self._measuring.__exit__(None, None, None)

    def connection(self) -> Connection:
        """Return the connection to the port, which is started if it is not running.

        Raises
        ------
        PortUnavailable
            When it cannot be started, or dies at every start.
        """
        while self._connection is None:
            try:
                self._connection = self._start()
            except PortGone as gone:
                self._start_failures += 1
                if self._start_failures >= MAX_START_FAILURES:
                    tried = f"(tried {self._start_failures} times)"
                    raise PortUnavailable(
                        f"The port {self._port.name} does not start {tried}: {gone.at_start}"
                    ) from gone
            else:
                self._guess_dialect()
        return self._connection

    def answered(self) -> None:
        """Note that the port has answered a request of a behaviour."""
        self._start_failures = 0
        self.fresh = False

    def end(self) -> None:
        """End the process, if it is running."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
            self._forget_processes()

    def ask(self, message: dict[str, Any], timeout: float) -> dict[str, Any] | None:
        """Send a message and return the next one, or None after the timeout, as the connection does."""
        if self._descriptor_room is None:
            return self.connection().ask(message, timeout)
        # the port lives in this process: the limit is for its calls only, and not for the peers
        process = os.getpid()
        before = descriptors.count((process,)) or 0
        former = descriptors.set_limit(process, descriptors.limit_for(process, self._descriptor_room))
        try:
            return self.connection().ask(message, timeout)
        finally:
            descriptors.set_limit(process, former)
            self._descriptor_room -= (descriptors.count((process,)) or 0) - before

    def next_number(self) -> int:
        """Return the id of the next request."""
        self._request_number += 1
        return self._request_number

    def allowance(self) -> float:
        """Return the seconds by which upper bounds are widened on this machine now."""
        return self._jitter.allowance()

    # -- starting

    def _start(self) -> Connection:
        connection = self._port.open(self._requested_dialect)
        try:
            self._describe(connection)
        except BaseException:
            connection.close()
            raise
        self._probed.clear()
        self.inspected = None
        self.fresh = True
        self._notice_processes(connection.process_id)
        return connection

    def _describe(self, connection: Connection) -> None:
        number = self.next_number()
        # a short deadline is meant for calls: a port may need its time to start
        patience = max(self.deadline, DEADLINE)
        reply = connection.ask({"id": number, "op": "describe", "protocol": PROTOCOL}, patience)
        if reply is None:
            sentence = f"it sent no reply to `describe` within {patience:g} s (does it flush each line?)"
            raise PortGone(f"{sentence}{self.unfinished()}")
        if reply.get("id") != number or not isinstance(reply.get("name"), str):
            raise PortGone(f"expected a reply to `describe` with id {number} and a name; got {quoted(reply)}")
        if "protocol" not in reply:
            raise PortUnavailable(
                f"The adapter of {self._port.name} names no protocol version; the runner speaks {PROTOCOL}."
            )
        if reply["protocol"] != PROTOCOL:
            theirs = quoted(reply["protocol"])
            raise PortUnavailable(
                f"The adapter of {self._port.name} speaks protocol {theirs}; the runner speaks {PROTOCOL}."
            )
        if not isinstance(reply.get("capabilities", []), list):
            raise PortUnavailable(f"The adapter of {self._port.name} sent capabilities that are not a list.")
        dialect = reply.get("dialect")
        if dialect is not None and dialect not in model.DIALECTS:
            raise PortUnavailable(
                f"The adapter of {self._port.name} names the dialect {quoted(dialect)}; "
                f"there are {' and '.join(model.DIALECTS)}."
            )
        self.description = {
            key: notation.plain(value) if isinstance(value, str) else value for key, value in reply.items()
        }
        self.repeats = "repeat" in reply.get("capabilities", [])
        if self._requested_dialect is None and dialect is not None:
            self.dialect = dialect

    def _guess_dialect(self) -> None:
        """Guess the dialect, once, if none is given."""
        if self._requested_dialect or self.dialect_guessed or self.description.get("dialect") in model.DIALECTS:
            return
        self.dialect_guessed = True
        guess = self._probed_safely(probes.guess_dialect)
        if guess is not None:
            self.dialect = guess

    def unfinished(self) -> str:
        """Return a sentence about a message without its line feed, with a space before it; empty if there is none."""
        begun = "" if self._connection is None else self._connection.unfinished
        return f" Its message does not end with a line feed: {begun}." if begun else ""

    # -- capabilities

    def place(self, behaviour: Behaviour) -> None:
        """Have a port that lives in this worker live in a process of its own while a behaviour stops that."""
        here = self._can_live_here and "interruption" not in behaviour.needs
        if here is not self._port.lives_here:
            self.end()
            self._port.lives_here = here

    def missing_capability(self, behaviour: Behaviour) -> str | None:
        """Return the first capability that a behaviour needs and neither the machine nor the port has."""
        return next((name for name in behaviour.needs if not self._has(name)), None)

    def _has(self, capability: str) -> bool:
        found = machine.has(capability)
        if found is not None:
            return found
        if probes.is_claimed(capability) and capability not in (self.description.get("capabilities") or ()):
            return False
        return not probes.is_probed(capability) or self._probe(capability)

    def _probe(self, capability: str) -> bool:
        """Probe the port for a capability, once for each process. A port that breaks meanwhile does not have it."""
        connection = self.connection()
        if capability not in self._probed:
            if capability == "descriptor-limit":
                found = self._can_limit_descriptors()
            elif capability == "interruption":
                found = interruption.can_interrupt(self._living_processes())
            elif capability == "inspection":
                leader = connection.process_id
                self.inspected = self._probed_safely(lambda ask: probes.inspected_process(leader, ask))
                found = self.inspected is not None
            else:
                found = bool(self._probed_safely(lambda ask: probes.has(capability, ask)))
            self._probed[capability] = found
        return self._probed[capability]

    def _living_processes(self) -> tuple[int, ...]:
        """Return the process that was started for the port, and all that it has started; none if it is not known."""
        leader = self.connection().process_id
        return () if leader is None else processes.with_descendants(leader)

    def interrupt(self) -> None:
        """Stop the port and continue it, which interrupts the calls of the system in which it waits."""
        interruption.interrupt(self._living_processes())

    # -- descriptors

    def _notice_processes(self, leader: int | None) -> None:
        """Begin to count the descriptors of a new process, and of those that it has started."""
        if leader == os.getpid():
            PortProcess._in_this_process += 1
            self._processes = (leader,)
        elif leader is not None:
            self._processes = processes.with_descendants(leader)
        self._open_descriptors = self._count_descriptors()

    def _forget_processes(self) -> None:
        PortProcess._in_this_process -= self._processes == (os.getpid(),)
        self._processes = ()
        self._descriptor_room = None

    def _count_descriptors(self) -> int | None:
        """Return the number of open descriptors; None: they cannot be seen, or some are those of other engines."""
        if not self._processes or (self._processes == (os.getpid(),) and PortProcess._in_this_process > 1):
            return None
        return descriptors.count(self._processes)

    def leaked_descriptors(self, allowed: int = 0) -> int | None:
        """Return how many more descriptors the port has open than at the last call, or at its start.

        None if they cannot be seen, or if the port does not collect garbage at a reset: it may close them later. It
        gets some time to close more than are ``allowed``.
        """
        before, now = self._open_descriptors, self._count_descriptors()
        if before is not None and now is not None and now > before + allowed:
            end = time.monotonic() + CLOSING_TIME
            while now > before + allowed and time.monotonic() < end:
                time.sleep(CLOSING_TIME / 20)
                now = self._count_descriptors() or 0
        self._open_descriptors = now
        if before is None or now is None:
            return None
        if now <= before and not allowed:
            return 0
        return max(0, now - before) if self._has("gc") else None

    def _can_limit_descriptors(self) -> bool:
        if not descriptors.CAN_LIMIT or self._count_descriptors() is None:
            return False
        try:
            for process in self._processes:
                descriptors.set_limit(process, resource.prlimit(process, resource.RLIMIT_NOFILE)[0])
        except (OSError, ValueError):
            return False
        return True

    def limit_descriptors(self, room: int) -> None:
        """Let the port's calls open at most ``room`` more descriptors, until its process ends."""
        self.connection()
        for process in self._processes:
            if process == os.getpid():
                self._descriptor_room = room
            else:
                descriptors.set_limit(process, descriptors.limit_for(process, room))

    def _probed_safely(self, probe: Callable[[probes.Ask], Found]) -> Found | None:
        """Return the result of a probe, and reset the port; None: the port broke meanwhile, and is ended."""
        try:
            found = probe(self._ask)
            self.reset()
        except (PortGone, BadMessage, Failure):
            self.end()
            return None
        return found

    def prepare(self, kinds: Iterable[Literal["tcp", "udp"]]) -> None:
        """Ask `names_sockets` about these kinds of objects, before a behaviour needs it."""
        for kind in kinds:
            self._probe(f"getsockname-{kind}")

    def names_sockets(self, kind: Literal["tcp", "udp"]) -> bool:
        """Return whether the port's objects of a kind have `getsockname`, which tells a fixture the port's number."""
        return self._probed.get(f"getsockname-{kind}", True)

    def _ask(self, message: Mapping[str, Any]) -> tuple[LuaValue, ...] | None:
        """Send a request and return the results of the call; None: it raised an error, or is not implemented."""
        number = self.next_number()
        reply = self.connection().ask({"id": number, **message}, self.deadline)
        if reply is None:
            raise PortGone(f"it did not reply within {self.deadline:g} s")
        if reply.get("id") != number:
            raise BadMessage(self.wrong_reply(reply, number))
        return decode_list(reply["returns"], "returns") if "returns" in reply else None

    def wrong_reply(self, message: Mapping[str, Any], current: int) -> str:
        """Return the words for a message that does not reply to the request in progress."""
        number = message.get("id")
        if number is None:
            return f"a message without an id: {quoted(message)}"
        if isinstance(number, int) and 0 < number <= self._request_number and (number != current):
            return f"a second reply to request {number}, while request {current} is in progress"
        if number == current:
            return f"a second reply to request {number}"
        return f"a reply to request {quoted(number)}, which was never sent, while request {current} is in progress"

    # -- between behaviours

    def reset(self, fields: Mapping[str, LuaValue] | None = None) -> None:
        """Set these fields of the module, and reset the port.

        Raises
        ------
        Failure
            When the port does not confirm that, or sends anything else: the process has to be ended.
        """
        connection = self.connection()
        try:
            for path, value in (fields or {}).items():
                self._confirm(connection, {"op": "set", "target": path, "value": encode(value)})
            self._confirm(connection, {"op": "reset"})
            extra = connection.wait(0)
        except PortGone as gone:
            raise Failure(f"after the last step: {gone}", restart=True) from None
        if extra is not None:
            wrong = self.wrong_reply(extra, self._request_number)
            raise Failure(f"the adapter broke the protocol: {wrong}, after the last step", restart=True)

    def _confirm(self, connection: Connection, message: dict[str, Any]) -> None:
        """Send a request that has to return."""
        number, name = self.next_number(), f"`{message['op']}` after the last step"
        reply = connection.ask({"id": number, **message}, self.deadline)
        if reply is None:
            raise Failure(f"the port hangs: it did not reply to {name} within {self.deadline:g} s", hung=True)
        if reply.get("id") != number:
            raise Failure(f"the adapter broke the protocol: {self.wrong_reply(reply, number)} ({name})")
        if "fault" in reply:
            reason = f"the adapter reported a fault at {name}: {notation.plain(reply['fault'])}"
            raise Failure(reason, verdict=Verdict.ERRORED)
        if "returns" not in reply:
            raise Failure(f"the adapter broke the protocol: it replied to {name} with {quoted(reply)}")
        if reply["returns"] != []:
            wrong = f"it replied to {name} with {quoted(reply)} instead of an empty list"
            raise Failure(f"the adapter broke the protocol: {wrong}")
