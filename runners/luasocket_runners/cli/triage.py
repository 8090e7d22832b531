"""The command ``triage``: finds the rules by which a port differs, and writes them, and the rest, into its files."""

from __future__ import annotations

import argparse
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Final

from luasocket_spec.model import DIALECTS

from luasocket_runners.cli import specification
from luasocket_runners.cli.failure import PASSED, PORT_UNAVAILABLE, USAGE, CommandFailed
from luasocket_runners.cli.parser import AddCommand, count, seconds
from luasocket_runners.cli.port_toml import declare
from luasocket_runners.cli.triage_rounds import QUICK, Rounds
from luasocket_runners.engine.engine import DEADLINE
from luasocket_runners.expectations.deviations import UNEXPLAINED, DeviationsError
from luasocket_runners.expectations.expectations import Expectations
from luasocket_runners.expectations.update import new_entry
from luasocket_runners.files import problem_with_output, write_text
from luasocket_runners.notation import counted
from luasocket_runners.ports import Port, PortUnavailable, UnknownPort, known_ports, resolve
from luasocket_runners.quirks.model import Quirk, Quirks
from luasocket_runners.quirks.writing import HEADER, changes, render
from luasocket_runners.reports import terminal
from luasocket_runners.result import Result, Use, Verdict
from luasocket_runners.run.session import WORKERS
from luasocket_runners.triage import Cause, causes_of
from luasocket_runners.triage.missing import deadly_functions, missing_functions
from luasocket_runners.triage.narrowing import narrowed
from luasocket_runners.triage.rule import shown_function
from luasocket_runners.triage.rules import Rules

__all__ = ["add_commands"]

#: Failures with one cause that are worth a rule; fewer are known deviations.
AT_LEAST: Final = 3
#: Directories up to which a path is written relative to the file.
NEAR: Final = 3
#: Causes that are printed at the end, and the characters of each.
SHOWN_CAUSES: Final = 10
TITLE_LENGTH: Final = 140

_EPILOG: Final = """\
examples:
  luasocket-conformance triage --port ./my-port      writes my-port/quirks.yaml and my-port/known-deviations.txt
  luasocket-conformance triage --port command:./my-adapter --output .

Quirks that the port already declares are kept. The new ones are proposals: each is marked as UNEXPLAINED until you
write why the port differs. Failures that no rule explains become known deviations, grouped by cause.

exit status: 0 the files are written; 2 wrong usage; 3 the port could not be run; 130 and 143 interrupted and
terminated: after the first round, the files have all that was found up to then.
"""


def add_commands(add: AddCommand) -> None:
    """Add the command of this module."""
    triage = add("triage", _triage, "Find the rules by which a port differs, and write them into files.", _EPILOG)
    triage.add_argument("selectors", nargs="*", metavar="SELECTOR", help="which behaviours (default: all)")
    triage.add_argument("--port", required=True, help=f"the port: {', '.join(known_ports())}")
    triage.add_argument("--dialect", choices=DIALECTS, help="check against this dialect (default: the port's own)")
    triage.add_argument("--output", type=Path, metavar="DIR", help="where to write (default: the port's directory)")
    triage.add_argument(
        "--at-least",
        type=count,
        default=AT_LEAST,
        metavar="N",
        help=f"propose a rule for N or more failures with one cause (default: {AT_LEAST})",
    )
    triage.add_argument(
        "--workers", type=count, default=WORKERS, help=f"number of parallel workers (default: {WORKERS})"
    )
    triage.add_argument(
        "--deadline",
        type=seconds,
        metavar="SECONDS",
        help=f"how long a call may take before it counts as hanging (default: {QUICK:g}, at last {DEADLINE:g})",
    )


def _triage(options: argparse.Namespace) -> int:
    spec = specification.load(options)
    behaviours = specification.selected(spec.behaviours, options.selectors)
    try:
        port = resolve(options.port)
        expectations = Expectations.load(None, None, spec.behaviours, port.config)
    except PortUnavailable as error:
        raise CommandFailed(str(error), USAGE if isinstance(error, UnknownPort) else PORT_UNAVAILABLE) from None
    except DeviationsError as error:
        raise CommandFailed(str(error)) from None
    quirks_file, known_file = _files(options, port)
    rules = Rules(expectations.quirks, options.at_least)
    rounds = Rounds(options, port, behaviours, expectations, rules)
    ended_by: KeyboardInterrupt | None = None
    try:
        results = rounds.run()
    except PortUnavailable as error:
        raise CommandFailed(str(error), PORT_UNAVAILABLE) from None
    except KeyboardInterrupt as interrupt:
        results = rounds.ran()
        if not results:
            raise
        ended_by = type(interrupt)("the files have all that was found so far; the same command continues from there")
    is_over = ended_by is None and rounds.has_settled
    proposed = [one for one in rules.proposed(used_only=True) if is_over or rounds.has_tried(one)]
    rest = [result for result in results if result.verdict in (Verdict.FAILED, Verdict.NOT_IMPLEMENTED)]
    missing = missing_functions(results)
    absent = missing if options.output is None else {}
    described = _describe(port, quirks_file, known_file, absent)
    if described:
        found = {result.behaviour.id for group in absent.values() for result in group}
        rest = [result for result in rest if result.behaviour.id not in found]
    who = f"{port.name}, specification {spec.version}"
    try:
        write_text(quirks_file, _quirks_text(quirks_file, expectations.quirks, proposed))
        write_text(known_file, _known_text(known_file, expectations, causes_of(rest), who))
    except OSError as error:
        raise CommandFailed(f"{error.filename}: {error.strerror or error}.") from None
    print(f"\n{quirks_file}: {counted(len(proposed), 'proposed quirk')}")
    print(f"{known_file}: {counted(len(rest), 'known deviation')}")
    if described:
        print(f"{port.config.file}: names these files, and has {counted(len(absent), 'function')} under [absent]")
    else:
        _print_hints(port, quirks_file, known_file, missing)
    print(terminal.judged_share(results, expectations.absent.used_by))
    if rounds.waited > rounds.hung > 0 and options.deadline != 1:
        print(
            f"{counted(rounds.hung, 'call')} hung, and took {rounds.waited:.0f} s of the workers' time; "
            f"with --deadline 1, {rounds.hung} s"
        )
    _print_broken(results, expectations.quirks.rules)
    _print_causes(causes_of(rest))
    _print_deadly(deadly_functions(results), options.at_least)
    if ended_by is not None:
        raise ended_by
    return PASSED


def _files(options: argparse.Namespace, port: Port) -> tuple[Path, Path]:
    """Return the files of quirks and of known deviations; raise :class:`CommandFailed` if one cannot be written."""
    config = port.config
    directory = options.output or (config.file.parent if config.file is not None else None)
    if directory is None:
        raise CommandFailed("Name the directory for the files with --output DIR: this port has none of its own.")
    own = options.output is None
    quirks = (config.quirks if own else None) or directory / "quirks.yaml"
    known = (config.known if own else None) or directory / "known-deviations.txt"
    for file in (quirks, known):
        if problem := problem_with_output(file):
            raise CommandFailed(problem)
    if quirks != config.quirks and quirks.exists():
        raise CommandFailed(f"{quirks} exists and is not among the port's files: add it to port.toml, or remove it.")
    return quirks, known


def _quirks_text(file: Path, declared: Quirks, proposed: Sequence[Quirk]) -> str:
    """Return the file of quirks: as it is, with the proposals behind it."""
    new = render(proposed)
    if declared.rules and Path(declared.file) == file:
        text = file.read_text(encoding="utf-8")
        return text if not new else f"{text.rstrip()}\n\n{new}"
    header = HEADER.format(schema=_schema(file.parent))
    return header + new if new else f"{header.rstrip()} []\n"


def _schema(directory: Path) -> str:
    """Return the schema of quirks as editors find it: relative in a checkout, so that the file can be committed."""
    schema = Path(str(resources.files("luasocket_runners") / "schema" / "quirks.schema.json"))
    relative = os.path.relpath(schema, directory.resolve())
    return relative if relative.count("..") <= NEAR else schema.as_uri()


def _known_text(file: Path, expectations: Expectations, causes: Sequence[Cause], who: str) -> str:
    """Return the file of known deviations, grouped by cause; the explanations that it has already stay."""
    lines = [f"# Known deviations: {who}, grouped by cause", "# ID @fingerprint: reason, link"]
    explained = {}
    if expectations.known.file and Path(expectations.known.file) == file:
        explained = {entry.selector: entry for entry in expectations.known.entries if entry.explained}
    for cause in causes:
        lines += ["", f"# {cause.title} ({counted(len(cause.results), 'behaviour')})"]
        for result in cause.results:
            entry = new_entry(result)
            known = explained.get(result.behaviour.id)
            lines.append(entry if known is None else f"{entry.partition(':')[0]}: {known.reason}")
    return "\n".join(lines) + "\n"


def _describe(port: Port, quirks: Path, known: Path, missing: Mapping[str, Sequence[Result]]) -> bool:
    """Add the files and the missing functions to the port's description, if that is possible."""
    config = port.config
    if config.file is None or config.file.parent not in (quirks.parent, known.parent):
        return False
    reasons = {
        name: f"{UNEXPLAINED}: {counted(len(group), 'behaviour')}, such as {group[0].behaviour.id}"
        for name, group in missing.items()
    }
    try:
        return declare(config.file, {"known": known.name, "quirks": quirks.name}, reasons)
    except OSError:
        return False


def _print_hints(port: Port, quirks: Path, known: Path, missing: Iterable[str]) -> None:
    config = port.config
    if config.file is not None and (config.quirks is None or config.known is None):
        print(f'\nAdd to {config.file}: known = "{known.name}" and quirks = "{quirks.name}"')
    if names := list(missing):
        print("\nFunctions that are missing can be declared in port.toml, instead of one by one:\n[absent]")
        for name in names:
            print(f'"{name}" = "…"')


def _print_broken(results: Sequence[Result], declared: Iterable[Quirk]) -> None:
    """Print the quirks of the port that do not hold everywhere, each with the lines that narrow it."""
    broken: dict[str, list[tuple[str, Use]]] = {}
    for result in results:
        seen = result.observation
        for quirk in () if seen is None else seen.broken_quirks:
            assert seen is not None
            call = Use((quirk,), seen.function, seen.args, seen.past, seen.spec or seen.expected)
            broken.setdefault(quirk, []).append((result.behaviour.id, call))
    needed = Counter(quirk for result in results for quirk in result.quirks)
    found = [rule for rule in declared if rule.id in broken]
    if found:
        print("\nThese quirks do not hold everywhere. With the lines below each, they do, as far as these calls tell:")
    for rule in found:
        explained = counted(needed[rule.id], "behaviour")
        print(f"  {rule.source.file}:{rule.source.line}: {rule.id} explains {explained}, but does not hold for")
        calls = broken[rule.id]
        for function in dict.fromkeys(call.function for _, call in calls):
            where = [identity for identity, call in calls if call.function == function]
            print(f"    {shown_function(function)}, {counted(len(where), 'behaviour')}, such as {where[0]}")
        if not needed[rule.id]:
            print("      remove it: it holds nowhere")
            continue
        held = [use for result in results for use in result.uses if rule.id in use.quirks]
        narrow = narrowed(rule, held, [call for _, call in calls])
        for line in changes(rule, narrow):
            print(f"      {line}")


def _print_deadly(deadly: Mapping[str, int], at_least: int) -> None:
    """Print the functions that end the port, and what to do so that they do not hide what is behind them."""
    found = {name: number for name, number in deadly.items() if number >= at_least}
    if found:
        print("\nThese end the port wherever they are called. Left out of the adapter's module, they count as absent:")
    for name, number in found.items():
        print(f"  {number:>5}  {name}")


def _print_causes(causes: Sequence[Cause]) -> None:
    """Print the most important causes that no rule explains: faults are among them, which are worth a report."""
    if causes:
        print("\nNo rule explains these; faults of the port are probably among the first:")
    for cause in causes[:SHOWN_CAUSES]:
        title = cause.title if len(cause.title) <= TITLE_LENGTH else f"{cause.title[:TITLE_LENGTH]}…"
        print(f"  {len(cause.results):>5}  {title}  ({cause.example.behaviour.id})")
    if len(causes) > SHOWN_CAUSES:
        print(f"  … and {counted(len(causes) - SHOWN_CAUSES, 'more cause')}, all in the list of known deviations")
