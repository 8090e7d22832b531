"""The command ``luasocket-conformance``.

What lives here: arguments, exit statuses, what goes to standard output and standard error. What may not: any work of
its own; each command calls the module that does it.
"""

from __future__ import annotations

import argparse
import io
import math
import os
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NoReturn

import luasocket_spec
from luasocket_spec.model import AUTHORITIES, DIALECTS, Behaviour, Dialect, Spec

from luasocket_runners import __version__, cli_reports, peer_program, report
from luasocket_runners.coverage import Coverage
from luasocket_runners.deviations import DeviationsError, Lists, update
from luasocket_runners.engine import DEADLINE, Engine
from luasocket_runners.init_port import LANGUAGES, InitError, init
from luasocket_runners.lua_script import needs_peer_program, script
from luasocket_runners.ports import Port, PortUnavailable, UnknownPort, known_ports, resolve
from luasocket_runners.ports.inprocess import alarm_is_ours
from luasocket_runners.ports.lua_interpreter import ADAPTER
from luasocket_runners.progress import Progress
from luasocket_runners.reports import Report, ReportError, Run, join
from luasocket_runners.reports.github import commands_stopped
from luasocket_runners.result import CONFORMING, Result
from luasocket_runners.session import LANES, Session, select

CONFORMS: Final = 0
DEVIATES: Final = 1
USAGE: Final = 2
PORT_UNAVAILABLE: Final = 3
#: What a shell reports for a command that was interrupted.
INTERRUPTED: Final = 130
#: What a shell reports for a command whose reader has gone (``| head``): how it would have ended, nobody knows.
UNREAD: Final = 141

#: Failures that are printed in full; a port that fails everywhere would otherwise bury its first failure.
SHOWN_FAILURES: Final = 40

_SELECTORS: Final = """
selectors: an id (tcp/receive/line-partial-on-timeout), the beginning of one (tcp, tcp/receive),
or a pattern with * ? [ ].
"""

#: What stands at the end of each command's help: its examples, and what its exit statuses mean.
_EPILOGS: Final = {
    "": """\
examples:
  luasocket-conformance run                          the whole spec on the embedded reference
  luasocket-conformance run --port lua5.4 tcp select what lies under tcp/ and in select, on an interpreter
  luasocket-conformance init my-port                 a directory to begin a port of one's own with
  luasocket-conformance COMMAND --help               more of each

exit status: 0 the port conforms, 1 it deviates (of coverage: a statement is missing; of strength: a mistake got away),
2 wrong usage or a broken spec, 3 the port could not be run (of peer: no script came).
""",
    "run": f"""\
examples:
  luasocket-conformance run                          the whole spec on the embedded reference
  luasocket-conformance run --port lupa:lua54        the same on real LuaSocket inside Python's lupa
  luasocket-conformance run --port lua5.1 tcp select what lies under tcp/ and in select, on an interpreter
  luasocket-conformance run --port ./my-port         the port that my-port/port.toml describes
  luasocket-conformance run --port command:./my-adapter --known my-deviations.txt
  luasocket-conformance run --port lua5.4 --html report.html --json lua54.json
{_SELECTORS}
exit status: 0 the port conforms, 1 it deviates, 2 wrong usage or a broken spec, 3 the port could not be run.
""",
    "report": """\
examples:
  luasocket-conformance report linux.json macos.json --html all.html
  luasocket-conformance report mine.json             the summary in Markdown, printed

exit status: 0 it is written, whatever the ports do; 2 wrong usage, or a file that is no report.
""",
    "list": f"""\
examples:
  luasocket-conformance list tcp/receive-line
  luasocket-conformance list 'tcp/receive*/*timeout*'
{_SELECTORS}
exit status: 0; 2 nothing has that name.
""",
    "show": """\
examples:
  luasocket-conformance show tcp/receive-line/partial-on-timeout
  luasocket-conformance show tcp/receive-line/partial-on-timeout --as lua > repro.lua

exit status: 0; 2 nothing has that name.
""",
    "disagreements": f"""\
examples:
  luasocket-conformance disagreements
  luasocket-conformance disagreements tcp/options
{_SELECTORS}
exit status: 0; 2 nothing has that name.
""",
    "coverage": """\
examples:
  luasocket-conformance coverage                     a table: statements, how many are held
  luasocket-conformance coverage --missing           those that are not

exit status: 0 every statement is held or waived, 1 one is missing.
""",
    "strength": """\
examples:
  luasocket-conformance strength receive             the wrong ports about receive
  luasocket-conformance strength --all

exit status: 0 every mistake is noticed, 1 one got away.
""",
    "peer": """\
examples:
  luasocket-conformance peer tcp/receive-line/partial-on-timeout
  luasocket-conformance peer tcp/receive-line/partial-on-timeout --listen 4000

exit status: 0 the script came and went, 2 wrong usage, 3 no script came.
""",
    "ports": """\
examples:
  luasocket-conformance ports
  luasocket-conformance ports --names                the names alone; nothing is started

exit status: 0.
""",
    "adapter": """\
examples:
  luasocket-conformance adapter > adapter.lua
  luasocket-conformance run --port 'command:my-lua adapter.lua'

exit status: 0.
""",
    "init": """\
examples:
  luasocket-conformance init my-port                 an adapter in Lua: for a host that has Lua
  luasocket-conformance init ports/mine --language python
  luasocket-conformance run --port ./my-port tcp/create

exit status: 0 it is written, 2 something is there already, or it cannot be written.
""",
}


class _Failure(Exception):
    """Ends the command with a sentence on standard error and an exit status."""

    def __init__(self, sentence: str, status: int = USAGE) -> None:
        super().__init__(sentence)
        self.status = status


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _Failure(f"{message}\n{self.format_usage().strip()}\nTry '{self.prog} --help'.")


def _count(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!a} is not a number from 1 on")
    return int(text)


def _tcp_port(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) >= 1 << 16:
        raise argparse.ArgumentTypeError(f"{text!a} is not a number from 0 to 65535")
    return int(text)


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!a} is not a number of seconds above 0")
    return number


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="luasocket-conformance",
        description="Tells what an implementation of the LuaSocket API does differently from LuaSocket.",
        epilog=_EPILOGS[""],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="store_true", help="print the versions of the program and of the spec")
    parser.add_argument("--spec", type=Path, metavar="DIR", help="another spec than the one shipped (for its authors)")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=_Parser)

    def command(name: str, run: Callable[[argparse.Namespace], int], about: str) -> argparse.ArgumentParser:
        made = commands.add_parser(
            name,
            help=about,
            description=about,
            epilog=_EPILOGS[name],
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        made.set_defaults(run=run)
        return made

    run = command("run", _run, "Play behaviours on a port and tell what differs.")
    run.add_argument("selectors", nargs="*", metavar="SELECTOR", help="which behaviours (default: all)")
    run.add_argument(
        "--port", default="reference", help=f"what is tested (default: reference): {', '.join(known_ports())}"
    )
    run.add_argument(
        "--dialect", choices=DIALECTS, help="the dialect the port is held to (default: what it says it has)"
    )
    run.add_argument(
        "--authority",
        choices=AUTHORITIES,
        help="where documentation and library part, hold the port to one of them (default: it may follow either)",
    )
    run.add_argument(
        "--known", type=Path, metavar="FILE", help="the port's known deviations, lines of 'ID: reason, link'"
    )
    run.add_argument(
        "--flaky", type=Path, metavar="FILE", help="what the port does only now and then, lines of 'ID: reason, link'"
    )
    run.add_argument(
        "--update-deviations",
        action="store_true",
        help="write what deviates into the file of --known, for a person to explain; strike what passes, as a comment",
    )
    run.add_argument("--lanes", type=_count, default=LANES, help=f"behaviours in flight at once (default: {LANES})")
    run.add_argument(
        "--deadline",
        type=_seconds,
        default=DEADLINE,
        metavar="SECONDS",
        help=f"how long a call may take before it counts as hanging (default: {DEADLINE:g})",
    )
    run.add_argument("-v", "--verbose", action="store_true", help="print every behaviour, not only what deviates")
    cli_reports.add_forms(run, of_a_run=True)

    joining = command("report", _report, "Join reports of runs, also from other machines. It judges nothing.")
    joining.add_argument("reports", nargs="+", type=Path, metavar="REPORT", help="what 'run --json' wrote")
    cli_reports.add_forms(joining, of_a_run=False)

    listing = command("list", _list, "Print the ids of behaviours and what each says.")
    listing.add_argument("selectors", nargs="*", metavar="SELECTOR", help="which behaviours (default: all)")

    show = command("show", _show, "Print one behaviour, as it is written or as a Lua script.")
    show.add_argument("id", metavar="ID")
    show.add_argument("--as", dest="form", choices=("yaml", "lua"), default="yaml", help="the form (default: yaml)")
    show.add_argument("--dialect", choices=DIALECTS, help="the dialect of the Lua script (default: the upstream one)")

    disagreements = command("disagreements", _disagreements, "Tell where the documentation and real LuaSocket part.")
    disagreements.add_argument("selectors", nargs="*", metavar="SELECTOR", help="which behaviours (default: all)")

    coverage = command("coverage", _coverage, "Tell which statements of the documentation are held by behaviours.")
    coverage.add_argument("--missing", action="store_true", help="list the statements that no behaviour cites")

    strength = command("strength", _strength, "Tell how many deliberately wrong ports the specification notices.")
    strength.add_argument(
        "selectors", nargs="*", metavar="SELECTOR", help="which: a subject, or subject/name (default: all)"
    )
    strength.add_argument(
        "--all", action="store_true", help="play also what need not notice, to see that nothing fails by accident"
    )

    peer = command("peer", _peer, "Play the peers of a behaviour for the Lua script that 'show --as lua' wrote.")
    peer.add_argument("id", metavar="ID")
    peer.add_argument(
        "--listen", type=_tcp_port, default=0, metavar="PORT", help="where to wait for the script (default: any)"
    )

    ports = command("ports", _ports, "Print the ports that can be given to run, and which of them are here.")
    ports.add_argument("--names", action="store_true", help="print the names alone, without a look at what is here")

    command("adapter", _adapter, "Print the adapter in plain Lua, for hosts that have Lua.")

    new = command("init", _init, "Write a directory for a new port: description, adapter, list of known deviations.")
    new.add_argument("directory", type=Path, metavar="NAME", help="the directory, whose name is the port's")
    new.add_argument(
        "--language", choices=tuple(LANGUAGES), default="lua", help="what the adapter is written in (default: lua)"
    )
    return parser


def _load(options: argparse.Namespace) -> Spec:
    try:
        return luasocket_spec.load(options.spec)
    except luasocket_spec.SpecError as error:
        raise _Failure(str(error)) from None


def _selected(behaviours: Sequence[Behaviour], selectors: Sequence[str]) -> list[Behaviour]:
    chosen, unused = select(behaviours, selectors)
    if unused:
        raise _Failure(
            f"No behaviour is named by {', '.join(unused)}. 'luasocket-conformance list' shows what there is."
        )
    return chosen


class _Teller:
    """What is printed about each result: what deviates in full, up to a limit; all of them where it is verbose."""

    def __init__(self, *, verbose: bool) -> None:
        self._verbose = verbose
        self._shown = 0
        self.left = 0  #: how many deviate and were not told

    def __call__(self, result: Result) -> str:
        if result.verdict in CONFORMING:
            return self._line(result) if self._verbose else ""
        if not self._verbose and self._shown >= SHOWN_FAILURES:
            self.left += 1
            return ""
        self._shown += 1
        return report.explain(result) + "\n"

    @staticmethod
    def _line(result: Result) -> str:
        reasons = [result.reason, result.listed.reason if result.listed is not None else ""]
        told = "".join(f": {reason}" for reason in reasons if reason)
        return f"{result.verdict.value} {result.behaviour.id} ({result.duration * 1000:.0f} ms){told}"


def _lists(options: argparse.Namespace, port: Port, behaviours: Sequence[Behaviour]) -> Lists:
    options.known = known = options.known or port.terms.known
    if options.update_deviations:
        if known is None:
            raise _Failure("--update-deviations needs --known FILE: the file that it brings up to date.")
        if not known.exists():
            known = None  # it will be made
    try:
        return Lists.load(known, options.flaky, behaviours, port.terms)
    except DeviationsError as error:
        raise _Failure(str(error)) from None


def _update(
    options: argparse.Namespace, port: Port, lists: Lists, spec: Spec, results: Sequence[Result]
) -> Lists:
    """Bring the file of known deviations up to date; return what the lists say then."""
    try:
        done = update(options.known, lists, spec.behaviours, results, f"{options.port}, specification {spec.version}")
    except OSError as error:
        raise _Failure(f"{options.known} cannot be written: {error.strerror or error}.") from None
    print(f"{options.known}: {done.added} to explain, {done.struck} struck\n")
    return _lists(options, port, spec.behaviours)


def _run(options: argparse.Namespace) -> int:
    try:
        files = cli_reports.files(options)
        annotates = cli_reports.annotates(options)
        # what a port prints must not be a command to the service that reads our output
        with commands_stopped() if annotates else nullcontext():
            run, results = _play(options)
        if any(files):
            cli_reports.save(files, join([Report.of(run, results)]))
    except ReportError as error:
        raise _Failure(str(error)) from None
    if annotates:
        print(cli_reports.annotate(options, results), end="")
    return CONFORMS if all(result.verdict in CONFORMING for result in results) else DEVIATES


def _play(options: argparse.Namespace) -> tuple[Run, list[Result]]:
    """Play what is selected and print what came of it."""
    spec = _load(options)
    chosen = _selected(spec.behaviours, options.selectors)
    teller = _Teller(verbose=options.verbose)
    try:
        port = resolve(options.port)
        lists = _lists(options, port, spec.behaviours)
        began, started = time.monotonic(), datetime.now(UTC)
        with Session(
            port,
            chosen,
            options.dialect,
            options.authority,
            lanes=options.lanes,
            deadline=options.deadline,
            expected=lists.expects,
        ) as session:
            engine = session.engine
            behaviours = [behaviour for behaviour in chosen if engine.applies(behaviour)]
            if not behaviours:
                raise _Failure(f"What you selected is not for the dialect {engine.dialect}.")
            told = engine.description
            print(f"luasocket-conformance {__version__}, spec {spec.version}")
            count = report.counted(len(behaviours), "behaviour")
            print(f"port {port.name} ({_about(engine)}), dialect {engine.dialect}, {count}")
            sys.stdout.flush()
            # what the lists are going to say is not known before the end where they are brought up to date
            tell = (lambda result: "") if options.update_deviations else teller
            with Progress(behaviours, tell) as progress:
                try:
                    results = session.run(behaviours, lambda result: progress.step(lists.hold(result)))
                except KeyboardInterrupt:
                    raise KeyboardInterrupt(progress.words()) from None
    except UnknownPort as error:
        raise _Failure(str(error)) from None
    except PortUnavailable as error:
        raise _Failure(str(error), PORT_UNAVAILABLE) from None
    seconds = time.monotonic() - began
    if options.update_deviations:
        lists = _update(options, port, lists, spec, results)
    results = [lists.hold(result) for result in results]
    if options.update_deviations:
        print("".join(f"{text}\n" for text in map(teller, results) if text), end="")
    if teller.left:
        print(f"… and {teller.left} more that deviate; -v shows all of them\n")
    print(report.summary(results, seconds))
    run = Run.of(
        program=__version__,
        spec=spec.version,
        port=port.name,
        description=told,
        dialect=engine.dialect,
        authority=options.authority,
        started=started,
        seconds=seconds,
    )
    return run, results


def _report(options: argparse.Namespace) -> int:
    try:
        print(cli_reports.join_files(options), end="")
    except ReportError as error:
        raise _Failure(str(error)) from None
    return CONFORMS


def _list(options: argparse.Namespace) -> int:
    for behaviour in _selected(_load(options).behaviours, options.selectors):
        print(f"{behaviour.id}\n    {behaviour.says}")
    return CONFORMS


def _find(options: argparse.Namespace) -> Behaviour:
    identity = options.id
    found = next((behaviour for behaviour in _load(options).behaviours if behaviour.id == identity), None)
    if found is None:
        raise _Failure(f"There is no behaviour {identity}. 'luasocket-conformance list' shows the ids.")
    return found


def _show(options: argparse.Namespace) -> int:
    found = _find(options)
    if options.form == "yaml":
        print(luasocket_spec.source_text(found, options.spec))
        return CONFORMS
    dialect: Dialect = options.dialect or found.dialects[-1]
    if dialect not in found.dialects:
        raise _Failure(f"{found.id} is only for the dialect {found.dialects[0]}.")
    print(script(found, dialect), end="")
    return CONFORMS


def _peer(options: argparse.Namespace) -> int:
    behaviour = _find(options)
    if not needs_peer_program(behaviour):
        raise _Failure(f"The script of {behaviour.id} needs no peers beside it: run it alone.")
    try:
        listener = peer_program.listen(options.listen)
    except OSError as error:
        reason = error.strerror or error
        raise _Failure(
            f"The peers cannot wait on port {options.listen}: {reason}. Choose another with --listen."
        ) from None
    with listener:
        try:
            peer_program.serve(behaviour, listener, lambda text: print(text, flush=True))
        except peer_program.NobodyCame as error:
            raise _Failure(str(error), PORT_UNAVAILABLE) from None
    return CONFORMS


def _disagreements(options: argparse.Namespace) -> int:
    spec = _load(options)
    parting = [behaviour for behaviour in _selected(spec.behaviours, options.selectors) if behaviour.disagrees]
    print(report.disagreements(parting))
    return CONFORMS


def _coverage(options: argparse.Namespace) -> int:
    coverage = Coverage.of(_load(options))
    missing = coverage.missing()
    if options.missing:
        for statement in missing:
            print(f"{statement.id}\n    {statement.says}")
    else:
        print(coverage.table())
    return DEVIATES if missing else CONFORMS


def _strength(options: argparse.Namespace) -> int:
    # The wrong ports are in a room that the runners may not import; their distribution says who does this.
    from importlib.metadata import entry_points  # slow to import

    entries = entry_points(group="luasocket_conformance.commands", name="strength")
    if not entries:
        raise _Failure("The wrong ports are not installed here. Install luasocket-conformance anew.")
    measure: Callable[[argparse.Namespace], int] = next(iter(entries)).load()
    return measure(options)


def _ports(options: argparse.Namespace) -> int:
    if options.names:
        print("\n".join(known_ports()))
        return CONFORMS
    width = max(map(len, known_ports()))
    from concurrent.futures import ThreadPoolExecutor  # slow to import

    # each is started to see whether it is here: side by side, for most of it is waiting
    with ThreadPoolExecutor(max_workers=LANES) as lanes:
        for name, about in zip(known_ports(), lanes.map(_about_port, known_ports()), strict=True):
            print(f"{name:<{width}}  {about}".rstrip(), flush=True)
    return CONFORMS


def _about(engine: Engine) -> str:
    """Return what the port of an engine says of itself, on one line."""
    return report.about(*(str(engine.description.get(key) or "") for key in ("name", "version", "host")))


def _about_port(name: str) -> str:
    """Return what a port says of itself, or why it is not here; empty of a name that the user has to complete."""
    if any(map(str.isupper, name)):
        return ""
    try:
        with Engine(resolve(name)) as engine:
            return _about(engine)
    except PortUnavailable as error:
        return f"not here: {' '.join(str(error).removeprefix(f'{name}: ').split())}"


def _adapter(_options: argparse.Namespace) -> int:
    print(ADAPTER.read_text(encoding="utf-8"), end="")
    return CONFORMS


def _init(options: argparse.Namespace) -> int:
    try:
        written = init(options.directory, options.language)
    except InitError as error:
        raise _Failure(str(error)) from None
    print("\n".join(map(str, written)))
    name = shlex.quote(str(options.directory))
    print(f"\nNext: luasocket-conformance run --port {name} tcp/receive-line")
    return CONFORMS


def _command(arguments: Sequence[str] | None) -> int:
    options = _parser().parse_args(arguments)
    if options.version:
        print(f"luasocket-conformance {__version__}, spec {luasocket_spec.__version__}")
        return CONFORMS
    if not hasattr(options, "run"):
        raise _Failure("Give a command, such as 'run'. Try 'luasocket-conformance --help'.")
    run: Callable[[argparse.Namespace], int] = options.run
    return run(options)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status. Without arguments they are those of the process, which is ours then."""
    if arguments is None:
        alarm_is_ours()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that is not UTF-8 is no reason to break off
    try:
        status = _command(arguments)
        sys.stdout.flush()
        return status
    except _Failure as failure:
        print(f"luasocket-conformance: {failure}", file=sys.stderr)
        return failure.status
    except BrokenPipeError:
        # the reader of our output has gone (head, less): nothing is left to say; keep the interpreter from trying again
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        return UNREAD
    except KeyboardInterrupt as interrupt:
        far = f": {interrupt}" if interrupt.args else ""
        print(f"luasocket-conformance: interrupted{far}", file=sys.stderr)
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
