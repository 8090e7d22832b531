"""A rule that triage has found: the calls that it concerns, fewer from run to run, and the quirk that it becomes."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from itertools import zip_longest
from typing import Final

from luasocket_spec.model import Outcome, Raises, Ref, Returns, Source, SpecValue, Splice

from luasocket_runners.function_names import PEER
from luasocket_runners.notation import counted
from luasocket_runners.quirks.classes import FUNCTION_VALUE
from luasocket_runners.quirks.model import Message, Quirk
from luasocket_runners.result import Result, Use
from luasocket_runners.triage.alternatives import any_of, any_type_of, form_of
from luasocket_runners.triage.narrowing import narrowed
from luasocket_runners.triage.proposals import Proposal, arguments_pattern, takes_nothing
from luasocket_runners.values import LuaValue

__all__ = [
    "BY_ARGUMENTS",
    "Level",
    "Rule",
    "free_identity",
    "identity_of",
    "is_about_number",
    "quirk_of",
    "shown_function",
]

#: The text of an error about the number of arguments, not about one of them.
_TOO_MANY: Final = re.compile(
    r"(?i)(expect|need|require|takes|too many|wrong number).*(?<!bad )\barguments?\b(?! #)"
    r"|(?<!bad )\barguments?\b(?! #).*(expected|needed|required)"
)
#: Characters of the longest id of a proposed quirk.
_ID_LENGTH: Final = 40


class Level(IntEnum):
    """The calls that a rule concerns; each time that it does not hold somewhere, the next level is tried."""

    FUNCTION = 0  #: all calls of the function
    SHARED = 1  #: calls with arguments like those of the failures, of all functions with this rule
    OWN = 2  #: calls with arguments like those of its own failures
    SOMETIMES = 3  #: the same, but it holds only sometimes
    NEVER = 4  #: none: it is no rule


#: The levels of each kind of rule. Whether a call raises an error mostly depends on the arguments, whether it hangs on
#: what LuaSocket would return, and whether a method is there on what the object has gone through.
_LEVELS: Final = {
    "text": (Level.FUNCTION, Level.SOMETIMES),
    "shape": (Level.FUNCTION, Level.SOMETIMES),
    "number": (Level.FUNCTION, Level.NEVER),  # a wrong number that is returned only sometimes is a fault
    "data": (Level.FUNCTION, Level.OWN, Level.SOMETIMES),
    "raises": (Level.SHARED, Level.OWN, Level.SOMETIMES),
    "stub": (Level.FUNCTION, Level.SHARED, Level.SOMETIMES),
    "hangs": (Level.FUNCTION, Level.OWN, Level.SOMETIMES, Level.NEVER),
    "missing": (Level.FUNCTION, Level.OWN, Level.NEVER),
}


#: The kinds of rules that may depend on the arguments.
BY_ARGUMENTS: Final = ("data", "raises", "stub", "hangs")


@dataclass(slots=True)
class Rule:
    """A rule for one function.

    Attributes
    ----------
    examples
        The ids of the failures that it explains.
    arguments
        The patterns of the arguments of their calls.
    past
        What the objects of their calls have all gone through; None before the first one.
    past_elsewhere
        What the objects have gone through for which it does not hold.
    arguments_elsewhere
        The arguments of calls for which it does not hold, without those in ``arguments``.
    stands_for_others
        Whether the pattern of its arguments stands for more than those of its failures.
    condition
        The quirk for this function alone, narrowed to the calls in which it holds; None: nothing tells them apart.
    """

    proposal: Proposal
    function: str
    level: Level = field(init=False)
    examples: dict[str, None] = field(default_factory=dict)
    arguments: dict[tuple[SpecValue, ...], None] = field(default_factory=dict)
    past: frozenset[str] | None = None
    past_elsewhere: frozenset[str] = frozenset()
    arguments_elsewhere: dict[str, tuple[LuaValue, ...]] = field(default_factory=dict)
    stands_for_others: bool = False
    condition: Quirk | None = None

    def __post_init__(self) -> None:
        self.level = self._levels[0]

    @property
    def _levels(self) -> tuple[Level, ...]:
        if self.proposal.kind == "raises" and isinstance(self.proposal.expected, Raises):
            return (Level.FUNCTION, *_LEVELS["raises"])  # LuaSocket's error tells already which calls it is about
        if self.proposal.with_ is not None:
            return (Level.FUNCTION, Level.SOMETIMES)  # the arguments are a part of the rule
        return _LEVELS[self.proposal.kind]

    @property
    def always(self) -> bool:
        """Whether it holds in every call that it concerns."""
        return self.level < Level.SOMETIMES

    @property
    def is_guess(self) -> bool:
        """Whether it rests on one failure, whose arguments need not be the cause, and that holds elsewhere, or not."""
        own = self.level in (Level.OWN, Level.SOMETIMES) and self.proposal.kind != "missing"
        return own and len(self.examples) == 1

    @property
    def concerned_arguments(self) -> list[tuple[SpecValue, ...]]:
        """The patterns of the arguments of the calls that it concerns; empty: any."""
        if self.proposal.with_ is not None:
            return []
        by_arguments = self.proposal.kind in BY_ARGUMENTS and self.level is not Level.FUNCTION
        return list(self.arguments) if by_arguments else []

    @property
    def after(self) -> tuple[str, ...]:
        """What an object has to have gone through so that the rule concerns it; empty: anything."""
        if self.proposal.kind != "missing" or self.level is Level.FUNCTION:
            return ()
        makers_first = sorted(self._distinguishing, key=lambda name: (":" in name, name))
        return tuple(makers_first[:1])

    @property
    def _distinguishing(self) -> frozenset[str]:
        """The functions that only the objects have gone through for which the rule holds."""
        return frozenset(
            name
            for name in (self.past or frozenset()) - self.past_elsewhere
            if (":" in name or "." in name) and not name.startswith(f"{PEER}:")
        )

    @property
    def group(self) -> object:
        """Equal for rules that are one quirk together, if their proposals are the same."""
        if (one := self.condition) is not None:
            return repr((one.with_, one.where, one.after, one.before, one.until))
        arguments = self.concerned_arguments
        own = self.function if self.level is Level.OWN and not self.after else None
        # what raises an error, or hangs, mostly does so with fewer arguments, too, until that turns out to be wrong
        any_number = self.proposal.kind in ("stub", "hangs") or (
            self.proposal.kind == "raises"
            and self.level is not Level.OWN
            and not is_about_number(self.proposal.returned)
        )
        return self.always, own, self.after, bool(arguments) if any_number else len(arguments[0]) if arguments else -1

    def add(self, result: Result) -> bool:
        """Take a failure that the rule explains; tell whether the rule now concerns other calls."""
        seen = result.observation
        assert seen is not None
        self.examples[result.behaviour.id] = None
        before = self.after
        self.past = seen.past if self.past is None else self.past & seen.past
        if self.proposal.kind not in BY_ARGUMENTS:
            return self.after != before
        arguments = arguments_pattern(seen.args)
        is_new = arguments not in self.arguments
        self.arguments[arguments] = None
        return is_new and self.level is not Level.FUNCTION

    def narrow(self, failures: Sequence[Result]) -> None:
        """Concern fewer calls, because the rule does not hold in these."""
        for result in failures:
            if result.observation is not None:
                self.past_elsewhere |= result.observation.past
        if self.proposal.kind == "missing":
            # as long as something tells these objects from the others, the rule may be about that
            self.level = Level.OWN if self._distinguishing else Level.NEVER
            return
        if self._excludes(failures):
            return
        levels = self._levels
        further = [level for level in levels if level > self.level] or [levels[-1]]
        while len(further) > 1 and not self._is_worth(further[0], len(failures)):
            further = further[1:]
        self.level = further[0]

    def hold_where(self, quirk: Quirk, held: Sequence[Use], broken: Sequence[Use]) -> bool:
        """Concern only calls such as those in which it holds, if something tells them from the others; tell whether."""
        if self.condition is not None or self.proposal.kind in ("missing", "hangs"):
            self.condition = None
            return False
        narrow = narrowed(replace(quirk, on=(self.function,)), held, broken)
        if narrow.always and narrow.on == (self.function,):
            self.condition = narrow
        return self.condition is not None

    def _excludes(self, failures: Sequence[Result]) -> bool:
        """Tell whether a narrower pattern of the arguments may exclude these calls, at the same level."""
        calls = [result.observation.args for result in failures if result.observation is not None]
        new = {repr(args): args for args in calls if arguments_pattern(args) not in self.arguments}
        new = {key: args for key, args in new.items() if key not in self.arguments_elsewhere}
        self.arguments_elsewhere |= new
        return self.stands_for_others and len(new) > 0

    def _is_worth(self, level: Level, broken: int) -> bool:
        """Tell whether a rule that did not hold in so many behaviours may hold at this level."""
        if level is Level.SOMETIMES and self.proposal.kind == "hangs":
            # a call that LuaSocket waits in may wait longer; any other one that sometimes hangs is a fault, not a rule
            return _is_timeout(self.proposal.expected) or len(self.examples) > broken
        return level is not Level.OWN or any(self.arguments)


def _is_timeout(expected: object) -> bool:
    return isinstance(expected, Returns) and expected.values[:2] == (None, b"timeout")


def identity_of(rules: Sequence[Rule], taken: set[str]) -> str:
    """Return an id that names the subject of the rule, and that no other rule has."""
    first = rules[0]
    words = re.findall("[a-z0-9]+", f"{first.function} {first.proposal.says}".lower())
    made = ""
    for word in words:
        if len(made) + len(word) >= _ID_LENGTH:
            break
        made = f"{made}-{word}" if made else word
    return free_identity(made, taken)


def free_identity(made: str, taken: Container[str]) -> str:
    """Return an id, with a number behind it if another rule has it."""
    number = 2
    identity = made
    while identity in taken:
        identity = f"{made}-{number}"
        number += 1
    return identity


def shown_function(name: str) -> str:
    """Return a function for people: those that calls return, such as sinks and protected functions, have no name."""
    return "a function that a call returned" if name == FUNCTION_VALUE else name


def is_about_number(returned: Outcome | Message | None) -> bool:
    """Tell whether a function raises an error about the number of its arguments."""
    text = returned.part if isinstance(returned, Raises) else None
    return text is not None and _TOO_MANY.search(text.decode("latin-1")) is not None


def _under(condition: Quirk) -> str:
    """Return the words for a condition of the past; that of the arguments and of the outcome is seen in the rule."""
    names = {"after": condition.after, "before": condition.before, "until": condition.until}
    words = (f" {word} {' or '.join(name.removeprefix(':') for name in some)}" for word, some in names.items() if some)
    return "".join(words)


def _drops_mode(rule: Rule) -> bool:
    """Tell whether a function raises an error because it does not take the mode of a timeout.

    Without the mode, the call works, and what is behind it can be judged; LuaSocket's other optional arguments change
    the result, so they are not dropped.
    """
    return (
        is_about_number(rule.proposal.returned)
        and rule.function.endswith(":settimeout")
        and len(next(iter(rule.arguments), ())) > 1
    )


def _arguments_of(
    rules: Sequence[Rule], arguments: Sequence[tuple[SpecValue, ...]], *, forms: bool
) -> tuple[SpecValue, ...]:
    """Return the pattern of the arguments of a group of rules; a nil at the end may also be missing."""
    columns = list(zip_longest(*arguments))
    if not rules[0].always:
        return tuple(map(any_type_of, columns))
    if not forms:
        return tuple(map(any_of, columns))
    elsewhere = [args for rule in rules for args in rule.arguments_elsewhere.values()]
    found = [
        form_of(column, [args[place] for args in elsewhere if place < len(args)])
        for place, column in enumerate(columns)
    ]
    for rule in rules:
        rule.stands_for_others = any(more for _, more in found)
    return tuple(pattern for pattern, _ in found)


def quirk_of(identity: str, rules: Sequence[Rule], *, forms: bool = False) -> Quirk:
    """Return the quirk for rules of one group; perhaps with the form of an argument that has many values."""
    first = rules[0]
    condition = first.condition
    examples = list(dict.fromkeys(example for rule in rules for example in rule.examples))
    often = "sometimes " if not first.always else ""
    arguments = list(dict.fromkeys(one for rule in rules for one in rule.concerned_arguments))
    with_ = first.proposal.with_
    if arguments:
        with_ = _arguments_of(rules, arguments, forms=forms)
    functions = ", ".join(dict.fromkeys(shown_function(rule.function) for rule in rules))
    why = f"UNEXPLAINED: {counted(len(examples), 'behaviour')}, such as {examples[0]}."
    on = tuple(sorted({rule.function for rule in rules}))
    if condition is not None:
        says = f"{functions}: {first.proposal.says}{_under(condition)}.".replace("\n", " ")
        return replace(condition, id=identity, says=says, why=why, on=on, source=Source("(proposed)", 0))
    if with_ is not None and _drops_mode(first):
        return Quirk(
            id=identity,
            says=f"{functions}: takes the time alone, and no mode.",
            why=why,
            on=on,
            with_=(Ref("time"), Ref("mode"), Splice()),
            expected=None,
            passes=(Ref("time"),),
            returned=None,
            always=True,
            source=Source("(proposed)", 0),
        )
    return Quirk(
        id=identity,
        says=f"{functions}: {often}{first.proposal.says}.".replace("\n", " "),
        why=why,
        on=on,
        with_=with_,
        expected=first.proposal.expected,
        passes=None,
        returned=first.proposal.returned,
        always=first.always,
        source=Source("(proposed)", 0),
        where=first.proposal.where,
        after=first.after,
        omitted=first.always
        and first.proposal.kind == "hangs"
        and all(takes_nothing(rule.function, first.proposal.expected) for rule in rules),
    )
