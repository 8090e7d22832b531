"""The command ``run``: runs behaviours on a port, prints the failures and a summary, and writes the reports."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack, redirect_stdout
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from luasocket_spec.model import AUTHORITIES, DIALECTS, Behaviour, Spec

from luasocket_runners import __version__
from luasocket_runners.cli import reports, specification
from luasocket_runners.cli.failure import FAILED, LOST, PASSED, PORT_UNAVAILABLE, CommandFailed
from luasocket_runners.cli.parser import SELECTORS_HELP, AddCommand, count, seconds
from luasocket_runners.cli.ports import about_engine
from luasocket_runners.engine.engine import DEADLINE, Engine
from luasocket_runners.expectations.deviations import DeviationsError
from luasocket_runners.expectations.expectations import Expectations
from luasocket_runners.expectations.update import update
from luasocket_runners.files import problem_with_output
from luasocket_runners.notation import counted
from luasocket_runners.ports import Port, PortUnavailable, UnknownPort, known_ports, resolve
from luasocket_runners.quirks import Quirk
from luasocket_runners.reports import Files, Report, ReportError, Run, join, terminal, write
from luasocket_runners.reports.github import commands_stopped
from luasocket_runners.result import CONFORMING, Result
from luasocket_runners.run.progress import Progress
from luasocket_runners.run.session import WORKERS, Session
from luasocket_runners.triage import cause_key

__all__ = ["add_commands"]

#: Causes of which the first failure is printed in full; a port that fails everywhere would otherwise bury it.
SHOWN_CAUSES: Final = 10

#: Behaviours that are named if processes were killed and there is no verdict on them; the reports name all.
NAMED_LOST: Final = 3

#: Behaviours in which a function may hang before it is given up: each costs the whole deadline.
PATIENCE: Final = 5

_EPILOG: Final = f"""\
examples:
  luasocket-conformance run                          the whole spec on the embedded reference
  luasocket-conformance run --port lupa:lua54        real LuaSocket inside Python's lupa
  luasocket-conformance run --port lua5.1 tcp        all behaviours of tcp/, on an interpreter
  luasocket-conformance run --port ./my-port         the port that my-port/port.toml describes
  luasocket-conformance run --port command:./my-adapter --known my-deviations.txt
  luasocket-conformance run --port lua5.4 --html lua54.html --json lua54.json
{SELECTORS_HELP}
exit status: 0 nothing undeclared was found; 1 the port fails; 2 wrong usage or a broken spec; 3 the port could not be
run; 70 internal error; 71 processes of the run were killed, so that some behaviours have no verdict; 130 and 143
interrupted and terminated. The reports have all results up to then.
"""


def add_commands(add: AddCommand) -> None:
    """Add the command of this module."""
    run = add("run", _run, "Run behaviours on a port and report the differences.", _EPILOG)
    run.add_argument("selectors", nargs="*", metavar="SELECTOR", help="which behaviours (default: all)")
    run.add_argument(
        "--port", default="reference", help=f"the port under test (default: reference): {', '.join(known_ports())}"
    )
    run.add_argument("--dialect", choices=DIALECTS, help="check against this dialect (default: the port's own)")
    run.add_argument(
        "--authority",
        choices=AUTHORITIES,
        help="where documentation and library disagree, accept this reading only (default: either)",
    )
    run.add_argument("--known", type=Path, metavar="FILE", help="known deviations, lines of 'ID: reason, link'")
    run.add_argument("--quirks", type=Path, metavar="FILE", help="rules by which the port differs, in YAML")
    run.add_argument("--flaky", type=Path, metavar="FILE", help="flaky behaviours, lines of 'ID: reason, link'")
    run.add_argument(
        "--update-deviations",
        action="store_true",
        help="add new failures to the file of --known, to be explained, and comment out entries that now pass",
    )
    run.add_argument("--workers", type=count, default=WORKERS, help=f"number of parallel workers (default: {WORKERS})")
    run.add_argument(
        "--deadline",
        type=seconds,
        default=DEADLINE,
        metavar="SECONDS",
        help=f"how long a call may take before it counts as hanging (default: {DEADLINE:g})",
    )
    run.add_argument(
        "--patience",
        type=count,
        default=PATIENCE,
        metavar="N",
        help="give up a function that has hung in N behaviours and returned in none, or those of its calls that should "
        f"time out, fail or raise an error: others with such calls are not run (default: {PATIENCE})",
    )
    run.add_argument(
        "-v",
        "--verbose",
        action="store_true",
        help=f"print every failure, not only one of each of {SHOWN_CAUSES} causes",
    )
    reports.add_forms(run, of_a_run=True)


@dataclass(frozen=True, slots=True)
class _Plan:
    """Everything that a run needs, read and checked before it starts."""

    options: argparse.Namespace
    spec: Spec
    behaviours: Sequence[Behaviour]
    port: Port
    known: Path | None  #: the file of known deviations, which may not exist yet
    expectations: Expectations
    files: Files


@dataclass(slots=True)
class _Outcome:
    """The results of a run, in the order of the behaviours, before the expectations are applied."""

    run: Run | None = None
    results: list[Result] = field(default_factory=list)
    #: The quirks that no behaviour needs.
    unneeded: tuple[Quirk, ...] = ()
    #: The interrupt that ended the run early, the error of a port that no longer starts, or an error of the suite.
    ended_by: BaseException | None = None


def _run(options: argparse.Namespace) -> int:
    plan = _prepare(options)
    printer = _FailurePrinter(verbose=options.verbose)
    annotates = reports.annotates(options)
    with ExitStack() as stack:
        if plan.files.use_standard_output:
            stack.enter_context(redirect_stdout(sys.stderr))  # the report is alone on standard output
        if annotates:
            # text of a port must not be a command to the service that reads the output
            stack.enter_context(commands_stopped())
        outcome = _execute(plan, printer)
        try:
            results = _conclude(plan, outcome, printer)
        except BrokenPipeError as gone:  # the reader of the output has gone; the reports are written all the same
            outcome.ended_by = outcome.ended_by or gone
            results = [plan.expectations.apply(result) for result in outcome.results]
    if any(plan.files) and outcome.run is not None:
        try:
            write(plan.files, join([Report.of(outcome.run, results, plan.expectations.quirks)]))
        except ReportError as error:
            raise CommandFailed(str(error)) from outcome.ended_by
    if annotates:
        print(reports.annotate(options, plan.known, results), end="")
    if outcome.ended_by is not None:
        raise outcome.ended_by
    passed = all(result.verdict in CONFORMING for result in results) and not outcome.unneeded
    return PASSED if passed else FAILED


def _prepare(options: argparse.Namespace) -> _Plan:
    files = reports.files(options)
    spec = specification.load(options)
    behaviours = specification.selected(spec.behaviours, options.selectors)
    try:
        port = resolve(options.port)
    except PortUnavailable as error:
        raise CommandFailed(str(error), _status(error)) from None
    known = options.known or port.config.known
    is_new = False
    if options.update_deviations:
        if known is None:
            raise CommandFailed("--update-deviations needs --known FILE: the file to update.")
        if problem := problem_with_output(known):
            raise CommandFailed(problem)
        is_new = not known.exists()
    try:
        # a list that does not exist yet has no entries; those of the port's own list are not among them
        config = replace(port.config, known=None) if is_new else port.config
        expectations = Expectations.load(
            None if is_new else known, options.flaky, spec.behaviours, config, quirks=options.quirks
        )
    except DeviationsError as error:
        raise CommandFailed(str(error)) from None
    return _Plan(options, spec, behaviours, port, known, expectations, files)


def _status(error: PortUnavailable) -> int:
    return CommandFailed("").status if isinstance(error, UnknownPort) else PORT_UNAVAILABLE


def _execute(plan: _Plan, printer: _FailurePrinter) -> _Outcome:
    """Run the behaviours and print the failures. The results of a run that ends early are kept."""
    options, outcome = plan.options, _Outcome()
    found: dict[str, Result] = {}
    # if the expectations are updated, they are not known before the end
    render = (lambda result: "") if options.update_deviations else printer
    began, started = time.monotonic(), datetime.now(UTC)
    engine: Engine | None = None
    progress: Progress | None = None
    behaviours: list[Behaviour] = []
    try:
        with Session(
            plan.port,
            plan.behaviours,
            options.dialect,
            options.authority,
            workers=options.workers,
            deadline=options.deadline,
            quirks=plan.expectations.quirks,
            patience=options.patience,
            expected=plan.expectations.expects,
        ) as session:
            engine = session.engine
            behaviours = [behaviour for behaviour in plan.behaviours if engine.applies(behaviour)]
            if not behaviours:
                raise CommandFailed(f"No selected behaviour applies to the dialect {engine.dialect}.")
            _print_heading(plan, engine, len(behaviours))
            progress = Progress(behaviours, render)
            with progress:

                def on_result(result: Result, add: Callable[[Result], None] = progress.add) -> None:
                    found[result.behaviour.id] = result
                    add(plan.expectations.apply(result))

                session.run(behaviours, on_result)
            outcome.ended_by = _lost(session.given_up)
    except CommandFailed:
        raise
    except KeyboardInterrupt as interrupt:
        outcome.ended_by = type(interrupt)(*([] if progress is None else [progress.status()]))
    except PortUnavailable as error:
        outcome.ended_by = CommandFailed(str(error), _status(error))
    except Exception as error:  # no memory, an output without a reader, a mistake in the suite
        outcome.ended_by = error
    if engine is not None:
        outcome.results = [found[behaviour.id] for behaviour in behaviours if behaviour.id in found]
        outcome.unneeded = _unneeded(plan, outcome)
        outcome.run = Run.of(
            program=__version__,
            spec=plan.spec.version,
            port=plan.port.name,
            description=engine.description,
            dialect=engine.dialect,
            authority=options.authority,
            started=started,
            seconds=time.monotonic() - began,
            complete=outcome.ended_by is None,
            unneeded_quirks=tuple(quirk.id for quirk in outcome.unneeded),
        )
    return outcome


def _lost(given_up: Collection[str]) -> CommandFailed | None:
    """Return the end of a run in which the processes that ran some behaviours were killed, if there are any."""
    if not given_up:
        return None
    names = ", ".join(sorted(given_up)[:NAMED_LOST])
    more = f" and {len(given_up) - NAMED_LOST} more" if len(given_up) > NAMED_LOST else ""
    verb = "has" if len(given_up) == 1 else "have"
    return CommandFailed(
        f"{counted(len(given_up), 'behaviour')} {verb} no verdict, because the processes of the suite that ran them "
        f"were killed, or broke: {names}{more}. All other results are complete. If the system was out of memory, lower "
        "--workers, and run these again.",
        LOST,
    )


def _unneeded(plan: _Plan, outcome: _Outcome) -> tuple[Quirk, ...]:
    """Return the quirks that no behaviour needs, if the whole specification was run."""
    if outcome.ended_by is not None or plan.options.selectors:
        return ()
    return plan.expectations.unneeded_quirks(outcome.results)


def _print_heading(plan: _Plan, engine: Engine, count: int) -> None:
    print(f"luasocket-conformance {__version__}, spec {plan.spec.version}")
    number = counted(count, "behaviour")
    print(f"port {plan.port.name} ({about_engine(engine)}), dialect {engine.dialect}, {number}")
    if engine.dialect_guessed:
        print('the dialect was guessed; to set it: --dialect, or dialect = "…" in the port.toml of the port')
    sys.stdout.flush()


def _conclude(plan: _Plan, outcome: _Outcome, printer: _FailurePrinter) -> list[Result]:
    """Update the known deviations if that was asked for; print the summary; return the final results."""
    expectations = plan.expectations
    if plan.options.update_deviations and outcome.results:
        assert plan.known is not None
        expectations = _update(plan, plan.known, outcome.results)
    results = [expectations.apply(result) for result in outcome.results]
    if plan.options.update_deviations:
        print("".join(f"{text}\n" for text in map(printer, results) if text), end="")
    if printer.omitted:
        print(f"… and {counted(printer.omitted, 'more failure')}, see the causes; -v prints all of them\n")
    if outcome.run is not None and (outcome.results or outcome.ended_by is None):
        print(
            terminal.summary(
                results,
                outcome.run.seconds,
                complete=outcome.run.complete,
                verbose=plan.options.verbose,
                unneeded=outcome.unneeded,
                absent_in=expectations.absent.used_by,
            )
        )
    return results


def _update(plan: _Plan, known: Path, results: Sequence[Result]) -> Expectations:
    """Bring the file of known deviations up to date; return the expectations afterwards."""
    who = f"{plan.port.name}, specification {plan.spec.version}"
    try:
        done = update(known, plan.expectations, plan.spec.behaviours, results, who)
    except OSError as error:
        raise CommandFailed(f"{known} cannot be written: {error.strerror or error}.") from None
    print(f"{known}: {done.added} added (reason needed), {done.removed} removed\n")
    return done.expectations


class _FailurePrinter:
    """Renders the first failure of each cause in full, up to a limit; all of them if it is verbose."""

    def __init__(self, *, verbose: bool) -> None:
        self._verbose = verbose
        self._shown: set[object] = set()
        self.omitted = 0  #: the number of failures that were not rendered

    def __call__(self, result: Result) -> str:
        if result.verdict in CONFORMING:
            return ""
        key = cause_key(result)
        if not self._verbose and (key in self._shown or len(self._shown) >= SHOWN_CAUSES):
            self.omitted += 1
            return ""
        self._shown.add(key)
        return terminal.explain(result) + "\n"
