"""The commands about the specification: ``show``, ``peer``, ``disagreements``, ``faults``.

Also loads and selects behaviours for the other commands.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import luasocket_spec
from luasocket_spec.model import DIALECTS, Behaviour, Dialect, Spec

from luasocket_runners.cli.failure import PASSED, PORT_UNAVAILABLE, CommandFailed
from luasocket_runners.cli.parser import SELECTORS_HELP, AddCommand, natural
from luasocket_runners.reports import terminal
from luasocket_runners.selection import select

__all__ = ["add_commands", "load", "selected"]

#: Names of modules that need no quoting in Lua.
_MODULE: Final = re.compile(r"[\w.-]+", re.ASCII)
_EXAMPLE: Final = "tcp/receive-line/partial-on-timeout"

_SHOW: Final = f"""\
examples:
  luasocket-conformance show {_EXAMPLE}
  luasocket-conformance show {_EXAMPLE} --as lua > repro.lua
  luasocket-conformance show {_EXAMPLE} --as lua --module my.socket --peer
  luasocket-conformance show {_EXAMPLE} --as short-lua

A Lua script asks nothing but the calls of the behaviour of the module. Where these work only in a scheduler, have a
thread of it run the script: assert(loadfile("repro.lua"))(DIRECTORY, pause). DIRECTORY is that of the peers; pause may
be a function that is called after each action of a peer before a call, and lets the scheduler see the new data.

exit status: 0; 2 no behaviour has this id.
"""
_DISAGREEMENTS: Final = f"""\
examples:
  luasocket-conformance disagreements
  luasocket-conformance disagreements tcp/options
{SELECTORS_HELP}
exit status: 0; 2 no behaviour matches.
"""
_FAULTS: Final = """\
examples:
  luasocket-conformance faults tcp/receive-line      the faulty ports of one subject
  luasocket-conformance faults --all
  luasocket-conformance faults --covers client:receive/prefix
  luasocket-conformance faults --explore tcp/send    how many of these random exploration detects, without the spec

exit status: 0 every fault is detected (with --explore: in any case), 1 a fault survived, 2 nothing has that name.
"""
_PEER: Final = f"""\
examples:
  luasocket-conformance peer {_EXAMPLE}
  luasocket-conformance peer {_EXAMPLE} --pipes /tmp/pipes

exit status: 0 the script was run, 2 wrong usage, 3 no script was started.
"""


def add_commands(add: AddCommand) -> None:
    """Add the commands of this module."""
    show = add("show", _show, "Print one behaviour, as YAML or as a Lua script that reproduces it.", _SHOW)
    show.add_argument("id", metavar="ID", help="the behaviour")
    forms = ("yaml", "lua", "short-lua")
    show.add_argument("--as", dest="form", choices=forms, default="yaml", help="the form (default: yaml)")
    show.add_argument(
        "--dialect", choices=DIALECTS, help="the dialect of the Lua script (default: luasocket-3 if it applies)"
    )

    show.add_argument("--module", default="socket", metavar="NAME", help="the module under test (default: socket)")
    show.add_argument(
        "--peer",
        action="store_true",
        help="let 'luasocket-conformance peer ID' run the peers of the Lua script, for ports that have clients only",
    )

    peer = add("peer", _peer, "Run the peers of a behaviour for the Lua script of 'show ID --as lua'.", _PEER)
    peer.add_argument("id", metavar="ID", help="the behaviour")
    peer.add_argument(
        "--pipes", type=Path, metavar="DIR", help="where to make the pipes to the script (default: a new directory)"
    )

    disagreements = add(
        "disagreements", _disagreements, "List where the documentation and LuaSocket differ.", _DISAGREEMENTS
    )
    disagreements.add_argument("selectors", nargs="*", metavar="SELECTOR", help="which behaviours (default: all)")

    faults = add("faults", _faults, "Run the spec on faulty ports and report the faults that survive.", _FAULTS)
    faults.add_argument(
        "selectors", nargs="*", metavar="SELECTOR", help="which faulty ports: SUBJECT or SUBJECT/NAME (default: all)"
    )
    faults.add_argument(
        "--all", action="store_true", help="run all behaviours, and report failures outside the expected subjects too"
    )
    faults.add_argument(
        "--covers", metavar="STATEMENT", help="print the faulty ports of a statement of the documentation; run nothing"
    )
    faults.add_argument(
        "--explore", action="store_true", help="explore each faulty port instead, and say how many show a difference"
    )
    faults.add_argument("--calls", type=natural, metavar="N", help="with --explore: at most N calls on each port")
    faults.add_argument("--sample", type=natural, metavar="N", help="with --explore: N ports, which the seed chooses")
    faults.add_argument("--seed", type=natural, metavar="N", help="with --explore: choose other programs")


def load(options: argparse.Namespace) -> Spec:
    """Load the spec; raise :class:`CommandFailed` where it is broken."""
    try:
        return luasocket_spec.load(options.spec)
    except luasocket_spec.SpecError as error:
        raise CommandFailed(str(error)) from None


def selected(behaviours: Sequence[Behaviour], selectors: Sequence[str]) -> list[Behaviour]:
    """Return the behaviours that selectors name; raise :class:`CommandFailed` where one names none."""
    chosen, unused = select(behaviours, selectors)
    if unused:
        shown = ", ".join(map(repr, unused))
        raise CommandFailed(f"No behaviour matches {shown}. 'luasocket-conformance list' prints all ids.")
    return chosen


def _find(options: argparse.Namespace) -> Behaviour:
    """Return the behaviour with an id, or the first case of the only entry that a part of an id names."""
    from luasocket_runners.lookup import NotFound, find

    try:
        return find(load(options).behaviours, options.id)
    except NotFound as error:
        raise CommandFailed(str(error)) from None


def _show(options: argparse.Namespace) -> int:
    from luasocket_runners.repro import lua_script, short_script

    found = _find(options)
    if options.form == "yaml":
        print(luasocket_spec.source_text(found, options.spec))
        return PASSED
    dialect: Dialect = options.dialect or found.dialects[-1]
    if dialect not in found.dialects:
        raise CommandFailed(f"{found.id} applies to the dialect {found.dialects[0]} only.")
    if options.form == "short-lua":
        try:
            print(short_script.script(found, dialect), end="")
        except short_script.NoShortScript as error:
            raise CommandFailed(str(error)) from None
    else:
        if not _MODULE.fullmatch(options.module):
            raise CommandFailed(f"{options.module!a} cannot be the name of a Lua module.")
        print(lua_script.script(found, dialect, module=options.module, peer=options.peer), end="")
    return PASSED


def _peer(options: argparse.Namespace) -> int:
    from luasocket_runners.repro import lua_script, peer_program

    behaviour = _find(options)
    if not lua_script.peer_actions(behaviour):
        raise CommandFailed(f"{behaviour.id} has no peers: run its script alone.")
    try:
        with peer_program.Pipes(options.pipes) as pipes:
            peer_program.serve(behaviour, pipes, lambda text: print(text, flush=True))
    except peer_program.ScriptMissing as error:
        raise CommandFailed(str(error), PORT_UNAVAILABLE) from None
    except OSError as error:
        if error.filename is None:
            raise
        raise CommandFailed(f"{error.filename}: {error.strerror}. Choose another directory with --pipes.") from None
    return PASSED


def _disagreements(options: argparse.Namespace) -> int:
    chosen = selected(load(options).behaviours, options.selectors)
    print(terminal.disagreements([behaviour for behaviour in chosen if behaviour.disagrees]))
    return PASSED


def _faults(options: argparse.Namespace) -> int:
    if not options.explore and (options.calls is not None or options.seed is not None):
        raise CommandFailed("--calls and --seed are for faults --explore.")
    if options.explore and find_spec("hypothesis") is None:
        raise CommandFailed("faults --explore needs Hypothesis: pip install hypothesis")
    # The faulty ports belong to a package that the runners may not import: an entry point leads there.
    from importlib.metadata import entry_points  # slow to import

    entries = entry_points(group="luasocket_conformance.commands", name="faults")
    if not entries:
        raise CommandFailed("The faulty ports are not installed. Install luasocket-conformance again.")
    main: Callable[[argparse.Namespace], int] = next(iter(entries)).load()
    return main(options)
