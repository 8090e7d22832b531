"""The command line of a Lua interpreter: options, a script or "-", and the script's arguments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["Options", "UsageError", "parse"]


class UsageError(Exception):
    """The command line is not a Lua interpreter's; a sentence says why."""


@dataclass
class Options:
    """The command line of an interpreter.

    Attributes
    ----------
    actions
        The actions, in order: "execute" and "require" with a text, "file" with a name, "stdin", "prompt", "version".
    arguments
        The table ``arg``: the script at 0, its arguments from 1 on, and the words before it at negative numbers.
        Without a script, the interpreter is at 0.
    has_script
        There is a script, which may be standard input.
    ignores_environment
        LUA_INIT is not heard.
    """

    actions: list[tuple[str, ...]] = field(default_factory=list)
    arguments: dict[int, str] = field(default_factory=dict)
    has_script: bool = False
    ignores_environment: bool = False


def parse(words: Sequence[str], *, interactive: bool) -> Options:
    """Read the words that follow the interpreter's name.

    Parameters
    ----------
    words
        The command line.
    interactive
        Whether standard input is a terminal: then there is a prompt where nothing else is asked for.

    Raises
    ------
    UsageError
        An option is not known, or lacks its argument.
    """
    options = Options()
    position, prompts = 0, False
    while position < len(words) and words[position].startswith("-") and words[position] != "-":
        word = words[position]
        position += 1
        if word == "--":
            break
        if word == "-i":
            prompts = True
        elif word == "-E":
            options.ignores_environment = True
        elif word == "-W":
            options.actions.append(("execute", "if warn then warn '@on' end"))
        elif word == "-v":
            options.actions.append(("version",))
        elif word[:2] in ("-e", "-l"):
            text = word[2:]
            if not text:
                if position == len(words):
                    raise UsageError(f"'{word}' needs argument")
                text = words[position]
                position += 1
            options.actions.append(("execute" if word[1] == "e" else "require", text))
        else:
            raise UsageError(f"unrecognized option '{word}'")
    script = position
    options.has_script = script < len(words)
    before = script if options.has_script else -1
    options.arguments = {number - before: word for number, word in enumerate(words)} | {-before - 1: "lua"}
    if options.has_script:
        options.actions.append(("stdin",) if words[script] == "-" else ("file", words[script]))
    elif not options.actions and not prompts:
        prompts = interactive
        options.actions.append(("version",) if interactive else ("stdin",))
    if prompts:
        options.actions.append(("prompt",))
    return options
