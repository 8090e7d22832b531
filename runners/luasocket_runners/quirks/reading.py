"""Reads the text of a file of quirks, as strictly as the spec's files are read."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from typing import Final

from luasocket_spec import model as m
from luasocket_spec.reading import nodes
from luasocket_spec.reading.nodes import Mapping, Node, Scalar, Sequence
from luasocket_spec.reading.problems import Problem
from luasocket_spec.reading.values import Scope

from luasocket_runners.function_names import PEER
from luasocket_runners.quirks.classes import FUNCTION_VALUE
from luasocket_runners.quirks.computed import ComputedReader, below
from luasocket_runners.quirks.model import (
    ALL_CLASSES,
    CLASSES,
    HANGS,
    Message,
    Quirk,
    Quirks,
    QuirksError,
    is_function,
)  # fmt: skip
from luasocket_runners.quirks.patterns import REST, Match, holds, match_args, match_outcome
from luasocket_runners.quirks.rewriting import Alternative, apply_rule

__all__ = ["parse_quirks"]

_ID: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_ON: Final = re.compile(r"[A-Za-z_*?\[\]!.0-9]*:?[A-Za-z_*?\[\]!.0-9]*")
_KEYS: Final = ("id", "says", "why", "on", "after", "until", "before", "expected", "returned", "always")
#: The keys under which also the ids of quirks are written.
_PAST: Final = ("after", "until", "before")
#: The end of the name of a function that returned nil or false first, under the same keys.
_FAILED: Final = " failed"
_REQUIRED: Final = ("id", "says", "why", "on", "returned")
_OUTCOMES: Final = ("returns", "raises", "succeeds", "message")
_SIDE: Final = ("with", *_OUTCOMES)
_EXPECTED: Final = ("with", "where", *_OUTCOMES)
_RETURNED: Final = (*_SIDE, "hangs", "omitted", "early", "leaks", "or")
#: The keys of each outcome under ``or``.
_OTHER: Final = (*_OUTCOMES, "hangs")


def parse_quirks(data: bytes, path: str, behaviours: Iterable[m.Behaviour]) -> Quirks:
    """Read the bytes of a file of quirks; see :func:`luasocket_runners.quirks.load_quirks`."""
    problems: dict[Problem, None] = {}
    reader = _QuirkReader(path, problems)
    try:
        root = nodes.read(data, reader.report, frozenset({"on"}))
    except RecursionError:
        raise QuirksError(f"{path}:1: The file is nested too deeply.") from None
    rules = reader.quirks(root) if root is not None else []
    if not problems:
        _report_unused(rules, behaviours, reader)
    if problems:
        raise QuirksError("\n".join(map(str, sorted(problems))))
    return Quirks(path, tuple(rules))


class _QuirkReader(ComputedReader):
    """Reads the quirks of one file."""

    def quirks(self, root: Node) -> list[Quirk]:
        """Read the whole file."""
        found = self.map(root, "A file of quirks", ("quirks",), ("quirks",), "quirks: [...]")
        if "quirks" not in found:
            return []
        items = self.items(found["quirks"], "`quirks`", "- id: …")
        rules: list[Quirk] = []
        for item in items:
            rule = self._quirk(item)
            if rule is None:
                continue
            twin = next((other for other in rules if other.id == rule.id), None)
            if twin is not None:
                self.report(rule.source.line, f"The id `{rule.id}` is that of line {twin.source.line}: choose another.")
            rules.append(rule)
        for rule in rules:
            for key, name in [(past, name) for past in _PAST for name in getattr(rule, past)]:
                if not is_function(name) and all(name != other.id for other in rules):
                    self.report(rule.source.line, f"`{name}` under `{key}` is neither a quirk nor a function.")
        return rules

    def _quirk(self, node: Node) -> Quirk | None:
        found = self.map(node, "A quirk", _KEYS, _REQUIRED, "id: …")
        if not isinstance(node, Mapping) or any(key not in found for key in _REQUIRED):
            return None
        identity = self.text(found["id"], "`id`")
        if not _ID.fullmatch(identity):
            self.report(found["id"].line, f"The id `{identity}` is not made of a-z, 0-9 and `-`: write it so.")
        # a variable is known wherever it is written under `expected`
        scope = Scope("function", unsure=True)
        expected = self._side(found.get("expected"), "`expected`", scope)
        variables = _variables(found.get("expected"))
        returned = self._side(found["returned"], "`returned`", scope)
        for name, line in _variables(found["returned"]).items():
            if name not in variables:
                self.report(line, f"`${name}` under `returned` is not a variable of `expected`: use it there, too.")
        with_, outcome = expected
        passes, returned_outcome = returned
        others = self._others(found["returned"], scope)
        leaks = self._leaks(found["returned"])
        for one in (returned_outcome, *others) if returned_outcome is not None or not leaks else ():
            self._check_outcomes(found, outcome, one)
        if passes is None and returned_outcome is None and not leaks:
            self.report(node.line, "`returned` has neither `with` nor an outcome: write what the port does.")
        if "until" in found and "after" not in found and not leaks:
            self.report(found["until"].line, "`until` ends what began by `after`, or what `leaks`: write that, too.")
        where = self._where(found.get("expected"), scope, variables)
        early = self._early(found["returned"], returned_outcome)
        always = True
        if "always" in found:
            always = False
            if not (isinstance(found["always"], Scalar) and found["always"].value is False):
                self.wrong(found["always"], "`always` can only be false", "`false`, or remove it")
        return Quirk(
            id=identity,
            says=self.text(found["says"], "`says`"),
            why=self.text(found["why"], "`why`"),
            on=self._functions(found["on"], "on"),
            with_=with_,
            expected=outcome,
            passes=passes,
            returned=returned_outcome,
            always=always,
            source=self.source(node),
            after=self._functions(found["after"], "after") if "after" in found else (),
            before=self._functions(found["before"], "before") if "before" in found else (),
            until=self._functions(found["until"], "until") if "until" in found else (),
            others=others,
            where=where,
            early=early,
            omitted=self._omitted(found["returned"]),
            leaks=leaks,
        )

    def _others(self, node: Node, scope: Scope) -> tuple[m.Outcome | Message, ...]:
        """Read the outcomes under `or`, which the port may have instead of the first one."""
        listed = below(node, "or")
        if listed is None:
            return ()
        if all(below(node, key) is None for key in _OTHER):
            self.report(node.line, "`or` adds to an outcome: write that one first.")
        others = []
        for item in self.items(listed, "`or`", "- returns: [...]"):
            self.map(item, "An outcome under `or`", _OTHER, (), "returns: [...]")
            outcome = self._side(item, "`returned`", scope)[1]
            if outcome is None:
                self.wrong(item, "`or` has outcomes", "- returns: [...]")
            else:
                others.append(outcome)
        return tuple(others)

    def _where(
        self, expected: Node | None, scope: Scope, variables: Collection[str]
    ) -> tuple[tuple[str, m.SpecValue], ...]:
        """Read the patterns of the values of variables, below `expected`."""
        node = below(expected, "where")
        if node is None:
            return ()
        if not isinstance(node, Mapping):
            self.wrong(node, "`where` has a pattern for each variable", "{$count: {between: [1, 9]}}")
            return ()
        patterns = []
        arguments = _variables(below(expected, "with"))
        for key, (scalar, value) in node.pairs.items():
            name = str(key)
            known = arguments if name == f"${REST}" else variables
            if name[1:] not in known or not name.startswith("$"):
                self.report(scalar.line, f"`{name}` under `where` is not a variable of `expected`: use it there, too.")
            patterns.append((name[1:], self.value(value, scope, expected=True)))
        return tuple(patterns)

    def _omitted(self, returned: Node) -> bool:
        node = below(returned, "omitted")
        if node is None:
            return False
        self.yes(node, "`omitted`")
        if below(returned, "hangs") is None:
            self.report(node.line, "`omitted` is about a call that hangs: write `hangs: true` before it.")
        return True

    def _leaks(self, returned: Node) -> int:
        node = below(returned, "leaks")
        if node is None:
            return 0
        count = node.value if isinstance(node, Scalar) else None
        if not isinstance(count, int) or isinstance(count, bool) or count < 1:
            self.wrong(node, "`leaks` is the number of descriptors that each call leaves open", "leaks: 1")
            return 1
        return count

    def _early(self, returned: Node, outcome: m.Outcome | Message | None) -> bool:
        node = below(returned, "early")
        if node is None:
            return False
        self.yes(node, "`early`")
        if outcome is None:
            self.report(node.line, "`early` needs an outcome beside it: write what the port does.")
        return True

    def _check_outcomes(
        self, found: dict[str, Node], outcome: m.Outcome | Message | None, returned: m.Outcome | Message | None
    ) -> None:
        line = found["returned"].line
        if isinstance(returned, Message) and outcome is None:
            self.report(line, "A `message` under `returned` needs the `message` that it replaces under `expected`.")
        elif isinstance(returned, Message) and not isinstance(outcome, Message | m.Raises | m.Returns):
            self.report(line, "A `message` replaces that of an error: expect a `message`.")
        elif isinstance(returned, Message) and not isinstance(outcome, Message):
            self.report(line, "A `message` replaces a `message`: write it under `expected`, too.")
        if returned is None and outcome is not None:
            self.report(line, "`expected` has an outcome, and `returned` has none: write what the port does instead.")

    def _functions(self, node: Node, key: str) -> tuple[str, ...]:
        """Read the names of functions; under ``after``, ``until`` and ``before``, also failures and ids of quirks."""
        names = []
        for item in self.items(node, f"`{key}`", "[client:receive]"):
            name = self.text(item, f"A name under `{key}`")
            if key in _PAST and _ID.fullmatch(name):
                names.append(name)
                continue
            if not _ON.fullmatch(name.removesuffix(_FAILED) if key in _PAST else name):
                self.report(item.line, f"`{name}` is not the name of a function: write socket.select, or client:send.")
            owner, colon, _ = name.partition(":")
            if colon and owner not in ("", "*", PEER, *ALL_CLASSES):
                self.report(item.line, f"`{owner}` is not a class; the classes are {', '.join(ALL_CLASSES)}.")
            names.append(name)
        if not names and isinstance(node, Sequence):
            self.report(node.line, f"`{key}` is empty: name the functions that the quirk concerns.")
        return tuple(names)

    def _side(
        self, node: Node | None, what: str, scope: Scope
    ) -> tuple[tuple[m.SpecValue, ...] | None, m.Outcome | Message | None]:
        """Read `expected` or `returned`: arguments, and an outcome."""
        if node is None:
            return None, None
        found = self.map(node, what, _RETURNED if what == "`returned`" else _EXPECTED, (), "returns: [...]")
        args = None
        if "with" in found:
            args = self._list(found["with"], scope, "`with`", products=what == "`returned`")
        present = [key for key in (*_OUTCOMES, "hangs") if key in found]
        if len(present) > 1:
            self.report(node.line, f"{what} has one of {', '.join(f'`{key}`' for key in _OUTCOMES)}, not several.")
        if "returns" in found:
            return args, m.Returns(self._list(found["returns"], scope, "`returns`", likes=what == "`returned`"))
        if "raises" in found:
            return args, self._raised(found["raises"], scope)
        if "succeeds" in found:
            self.yes(found["succeeds"], "`succeeds`")
            return args, m.Succeeds()
        if "hangs" in found:
            self.yes(found["hangs"], "`hangs`")
            return args, HANGS
        if "message" in found:
            return args, Message(self.text(found["message"], "`message`"))
        return args, None

    def _list(
        self, node: Node, scope: Scope, what: str, *, products: bool = False, likes: bool = False
    ) -> tuple[m.SpecValue, ...]:
        values: list[m.SpecValue] = []
        items = self.items(node, what, "[$value]")
        for place, item in enumerate(items):
            if isinstance(item, Scalar) and item.value == "$...":
                if place + 1 < len(items):
                    self.report(item.line, "`$...` stands for all that follows: write it at the end of the list.")
                values.append(m.Splice())
            elif (
                (products or likes)
                and isinstance(item, Mapping)
                and (read := self.reader_of(item, argument=products)) is not None
            ):
                values.append(read(item, scope))
            else:
                values.append(self.value(item, scope, expected=True))
        return tuple(values)

    def _raised(self, node: Node, scope: Scope) -> m.Raises:
        if isinstance(node, Mapping):
            found = self.map(node, "`raises`", ("value",), ("value",))
            return m.Raises(None, self.value(found["value"], scope, expected=True) if found else None)
        text = self.text(node, "`raises`")
        return m.Raises(self.encoded(node, text) if isinstance(node, Scalar) else b"")


def _variables(node: Node | None) -> dict[str, int]:
    """Return the variables that are written below a node, each with a line; ``...`` is that of the rest."""
    found: dict[str, int] = {}

    def walk(inner: Node) -> None:
        if isinstance(inner, Scalar):
            if isinstance(inner.value, str) and inner.value.startswith("$") and not inner.value.startswith("$$"):
                found.setdefault(inner.value[1:], inner.line)
        elif isinstance(inner, Sequence):
            for item in inner.items:
                walk(item)
        else:
            for _, value in inner.pairs.values():
                walk(value)

    if node is not None:
        walk(node)
    return found


# -- rules that concern nothing


def _report_unused(rules: list[Quirk], behaviours: Iterable[m.Behaviour], reader: _QuirkReader) -> None:
    """Report the rules that concern no call of any behaviour, as far as that can be known before a run."""
    quirks = Quirks("", tuple(rules))
    concerned: set[str] = set()
    applied: set[str] = set()
    for name, args, outcome in _calls(behaviours):
        # a method may be that of any class, and each class has rules of its own
        functions = [f"{owner}{name}" for owner in CLASSES] if name.startswith((":", ".")) else [name]
        for found in dict.fromkeys(quirks.of(function) for function in functions):
            concerned.update(rule.id for rule in found)
            if not applied.issuperset(rule.id for rule in found):
                applied.update(_applied(found, args, outcome))
    for rule in rules:
        line = rule.source.line
        if rule.id not in concerned:
            reader.report(line, f"The quirk `{rule.id}` concerns no function that a behaviour calls: check `on`.")
        elif rule.id not in applied:
            reader.report(line, f"The quirk `{rule.id}` changes nothing that a behaviour expects: check `expected`.")


def _applied(rules: Iterable[Quirk], args: tuple[m.SpecValue, ...], outcome: m.Outcome) -> Iterator[str]:
    """Yield the rules among those of one function that change something of a call."""
    alternatives = [Alternative(outcome)]
    for rule in rules:
        found = Match()
        any_args = any(isinstance(value, m.Splice) for value in args)
        fits = rule.with_ is None or any_args or match_args(rule.with_, args, None, found)
        if not fits or not (any_args or holds(rule.where, found, None)):
            continue
        if rule.returned is None:
            if rule.expected is None or match_outcome(rule.expected, outcome, None, found):
                yield rule.id
        else:
            # what an object has gone through, and the value of a name, are known in the run only
            unsure = rule.after or rule.before or rule.with_ is not None
            made = apply_rule(replace(rule, always=False) if unsure else rule, found, alternatives, None)
            for one in made:
                yield from one.quirks
            # what leads to the same outcome goes on alike
            alternatives = list({repr(one.outcome): one for one in reversed(made)}.values())[::-1]


def _calls(behaviours: Iterable[m.Behaviour]) -> Iterator[tuple[str, tuple[m.SpecValue, ...], m.Outcome]]:
    """Yield the function, the arguments and each expected outcome of all calls; methods without their class."""
    seen = set()
    for behaviour in behaviours:
        for step in behaviour.all_steps():
            if id(step) in seen:
                continue
            seen.add(id(step))
            if isinstance(step, m.Call):
                target, args = step.target, step.args
                name = (
                    target.path
                    if isinstance(target, m.PathTarget)
                    else f":{target.method}"
                    if isinstance(target, m.MethodTarget)
                    else FUNCTION_VALUE
                )
            elif isinstance(step, m.PeerStep):
                yield f"{PEER}:{step.action.verb}", (step.action.value,), m.Succeeds()
                continue
            elif isinstance(step, m.Get):
                name, args = step.field if step.name is None else f".{step.field}", ()
            else:
                continue
            for _, outcome in step.expect.by_reading:
                yield name, args, outcome
