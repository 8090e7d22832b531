"""Runs behaviours on a port, one at a time, and returns their results."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

from luasocket_spec.model import Authority, Behaviour, Dialect

from luasocket_runners import notation
from luasocket_runners.capabilities.jitter import Jitter
from luasocket_runners.capabilities.leaks import leak_note
from luasocket_runners.engine.behaviour_run import BehaviourRun
from luasocket_runners.engine.failure import Failure
from luasocket_runners.engine.fixture_calls import bound_kinds
from luasocket_runners.engine.leaking import Leaks
from luasocket_runners.engine.port_process import DEADLINE, PortProcess
from luasocket_runners.ports import Port, PortGone
from luasocket_runners.quirks import NO_QUIRKS, Quirks
from luasocket_runners.result import CONFORMING, Observation, Result, Verdict
from luasocket_runners.scoping import Unusable
from luasocket_runners.values import BadMessage

__all__ = ["ATTEMPTS", "DEADLINE", "Engine"]

#: How often a behaviour runs whose only failure is that a call returned too late, or that the port had run out of
#: descriptors: a busy machine is late once, a faulty port always.
ATTEMPTS: Final = 3
#: How many earlier behaviours of a port's process a failure names: its cause is mostly among the last two or three.
HISTORY: Final = 10


class _Attempt(NamedTuple):
    """One run of a behaviour."""

    result: Result
    rerun_note: str | None = None  #: if the behaviour should run again: the reason, which may be empty
    leaked: int | None = None  #: the descriptors that it left open, if that is known
    leaks: Leaks = Leaks()  #: those that it may leave open by quirks

    @property
    def leaks_wrongly(self) -> bool:
        """Whether it left more or fewer descriptors open than it should."""
        return self.result.verdict in CONFORMING and self.leaked is not None and not self.leaks.allow(self.leaked)


class Engine:
    """Runs behaviours on one port, one at a time, and starts the port when needed. Use as a context manager.

    Parameters
    ----------
    port
        The port, see :func:`luasocket_runners.ports.resolve`.
    dialect
        The dialect that the port is checked against; None: the one of its ``port.toml``, else the one that its adapter
        names, else the one that is guessed from its traits.
    authority
        The reading that the port is checked against where documentation and library disagree; None: that of its
        ``port.toml``, else either.
    deadline
        Seconds after which a call counts as hanging, beyond those that it is to wait.
    quirks
        The rules by which the port differs.
    jitter
        The clock of the machine's delays, for all engines of a session; None: the engine has one of its own.
    records
        Whether results have all calls, so that other quirks can judge them.

    Raises
    ------
    PortUnavailable
        When the port cannot be run at all: on entering, and when it dies at every start.

    Attributes
    ----------
    process
        The port's process.
    """

    def __init__(
        self,
        port: Port,
        dialect: Dialect | None = None,
        authority: Authority | None = None,
        *,
        deadline: float = DEADLINE,
        quirks: Quirks = NO_QUIRKS,
        jitter: Jitter | None = None,
        records: bool = False,
    ) -> None:
        self._history: deque[str] = deque(maxlen=HISTORY)
        config = port.config
        self.process = PortProcess(
            port,
            dialect or config.dialect,
            authority or config.authority,
            deadline,
            quirks,
            jitter,
            records=records,
        )

    def __enter__(self) -> Engine:
        self.process.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self.process.__exit__(*exc)

    @property
    def dialect(self) -> Dialect:
        """The dialect that the port is checked against."""
        return self.process.dialect

    @property
    def dialect_guessed(self) -> bool:
        """Whether the dialect was guessed, because neither the user nor the adapter names one."""
        return self.process.dialect_guessed

    @property
    def description(self) -> Mapping[str, Any]:
        """The port's reply to ``describe`` (see ``PROTOCOL.md``); its strings are escaped."""
        return self.process.description

    def applies(self, behaviour: Behaviour) -> bool:
        """Return whether a behaviour is for the dialect that the port is checked against."""
        return self.dialect in behaviour.dialects

    def restart(self) -> None:
        """Have the next behaviour run in a new process of the port."""
        self.process.end()
        self._history.clear()

    def run(self, behaviour: Behaviour) -> Result:
        """Run a behaviour and return its result.

        Whatever the port does is a result; only :class:`PortUnavailable` is raised, when it dies at every start.
        """
        began = time.monotonic()
        note = ""
        for _ in range(ATTEMPTS):
            attempt = self._run_once(behaviour, began)
            if attempt.rerun_note is None:
                break
            note = attempt.rerun_note
        result = attempt.result
        if attempt.leaks_wrongly and not behaviour.leaks:
            result = self._confirm_leak(result, began)
        return replace(result, note=note) if note else result

    def _confirm_leak(self, result: Result, began: float) -> Result:
        """Return the result of a behaviour that passed and left other descriptors open than it should: it runs again.

        A leak does it again. A descriptor that a port's runtime opens once, at the first use of something, is none.
        """
        attempt = self._run_once(result.behaviour, began)
        again, leaked, leaks = attempt.result, attempt.leaked, attempt.leaks
        if not attempt.leaks_wrongly or leaked is None:
            return again
        count = "1 descriptor stays" if leaked == 1 else f"{leaked or 'no'} descriptors stay"
        reason = f"{count} open in the port's process each time the behaviour runs"
        if leaked > leaks.most:
            names = ", ".join(dict.fromkeys(quirk for use in leaks.uses for quirk in use.quirks))
            declared = f", instead of {leaks.most} by the quirks ({names})" if leaks.most else ""
            return replace(again, verdict=Verdict.FAILED, reason=f"{reason}{declared}")
        use = next(use for use in leaks.uses if leaks.always.issuperset(use.quirks))
        seen = Observation(
            use.function, use.args, use.spec, None, broken_quirks=tuple(sorted(leaks.always)), past=use.past
        )
        reason = f"the quirk {', '.join(seen.broken_quirks)} does not hold here: {reason}, instead of {leaks.least}"
        return replace(again, verdict=Verdict.FAILED, reason=reason, function=use.function, observation=seen)

    def _run_once(self, behaviour: Behaviour, began: float) -> _Attempt:
        """Run a behaviour once; ``began`` is the time (of the monotonic clock) from which its duration counts."""
        self.process.place(behaviour)
        missing = self.process.missing_capability(behaviour)
        if missing is not None:
            return _Attempt(Result(behaviour, Verdict.SKIPPED, f"needs {missing}, which is not available"))
        limited = behaviour.descriptors is not None
        if limited:
            self.restart()
        self.process.prepare(bound_kinds(behaviour))
        if behaviour.descriptors is not None:
            self.process.limit_descriptors(behaviour.descriptors)
        connection = self.process.connection()
        was_fresh = self.process.fresh
        after = tuple(self._history)
        self._history.append(behaviour.id)
        run = BehaviourRun(behaviour, self.process)
        failure = self._run_steps(run)
        try:
            if failure is None or not failure.restart:
                self.process.reset(run.changed_fields)
        except Failure as trouble:
            if failure is None:
                run.position.at("", None)
                failure = trouble
            failure.restart = True
        if run.answered:
            self.process.answered()
        quirks, uses, leaks = run.quirks_used, run.uses, run.leaks
        restarts = failure is not None and failure.restart
        leaked = None if restarts else self.process.leaked_descriptors(leaks.most)
        if limited and not restarts:
            self.restart()
        seconds = time.monotonic() - began
        if failure is None:
            if leaked is not None and leaks.allow(leaked) and not behaviour.leaks:
                leaving = leaks.used(leaked)
                uses = (*uses, *leaving)
                quirks = tuple(dict.fromkeys((*quirks, *(quirk for use in leaving for quirk in use.quirks))))
            verdict = Verdict.QUIRKS if quirks else Verdict.PASSED
            passed = Result(
                behaviour, verdict, follows=run.followed, quirks=quirks, uses=uses, duration=seconds, leaked=leaked,
                calls=run.calls,
            )  # fmt: skip
            return _Attempt(passed, leaked=leaked, leaks=leaks)
        seen = run.position.result(behaviour, failure)
        result = replace(seen, quirks=quirks, uses=uses, after=after, duration=seconds, calls=run.calls)
        note = "" if failure.late else None
        if not limited and (leak := leak_note(connection.process_id, result)):
            failure.restart, note = True, f"{leak}: it was restarted, and the behaviour rerun"
        elif failure.restart and not (failure.hung or run.answered or was_fresh):
            # an earlier behaviour may be to blame: after its reset, the port went on doing something
            note = f"the port was restarted, and the behaviour rerun, because before its first reply: {failure.reason}"
        if failure.restart:
            result = replace(result, printed=connection.stderr_tail)
            self.restart()
        return _Attempt(result, note, leaked, leaks)

    @staticmethod
    def _run_steps(run: BehaviourRun) -> Failure | None:
        """Run all steps and close the peers; return the failure that ended the run, if any."""
        try:
            run.run()
        except Failure as failure:
            return failure
        except Unusable as unusable:
            return Failure(str(unusable))
        except PortGone as gone:
            return Failure(str(gone), restart=True)
        except BadMessage as bad:
            return Failure(f"the adapter broke the protocol: {bad}", restart=True)
        except Exception as error:
            # an error of the spec, of the runner or of the system: no verdict about the port, and the run goes on
            reason = f"internal error of the runner: {type(error).__name__}: {notation.plain(error)}"
            return Failure(reason, verdict=Verdict.ERRORED, restart=True)
        finally:
            run.close_peers()
        return None
