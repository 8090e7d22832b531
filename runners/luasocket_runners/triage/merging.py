"""Makes rules strict where they can be, and merges those that say the same of several functions or outcomes.

Such a rule is a guess: the calls that were seen have to show that it holds wherever it applies.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Final

from luasocket_spec.model import OfType, OneOf, Outcome, Raises, Ref, Returns, SpecValue, Splice

from luasocket_runners.notation import counted
from luasocket_runners.quirks.model import HANGS, Message, Quirk, is_function
from luasocket_runners.quirks.patterns import types_of
from luasocket_runners.result import Use
from luasocket_runners.triage.alternatives import any_of, any_type_of
from luasocket_runners.triage.narrowing import concerns_call, narrowed
from luasocket_runners.triage.rule import is_about_number, shown_function

__all__ = ["Merge", "merges_of", "with_merges"]

#: Characters that texts of errors have in common where a rule is about all of them.
_COMMON: Final = 6
#: Calls of both kinds that are enough to tell them apart by their past.
_CALLS: Final = 5
#: The share of the letters of a longer text that another one has, too, where one rule is about both.
_SIMILAR: Final = 0.4


@dataclass(frozen=True, slots=True)
class Merge:
    """A rule in the place of several; ``members`` are their ids, in the order of the rules."""

    quirk: Quirk
    members: tuple[str, ...]


def with_merges(rules: Iterable[Quirk], merges: Iterable[Merge]) -> list[Quirk]:
    """Return rules with those that are merged in the place of the first of each."""
    instead = {member: merge.quirk for merge in merges for member in merge.members}
    return list({id(rule): rule for rule in (instead.get(rule.id, rule) for rule in rules)}.values())


def merges_of(
    rules: Sequence[Quirk],
    uses: Mapping[str, Sequence[Use]],
    failing: Callable[[Sequence[Merge]], Sequence[Use]],
) -> list[Merge]:
    """Return stricter rules and the widest ones that hold together in the place of others.

    Each rule is in one of them at most.

    Parameters
    ----------
    uses
        The calls that need each rule.
    failing
        Returns the calls that begin to fail with rules, of which the last one is new.
    """
    of_id = {rule.id: rule for rule in rules}
    explained = list({id(use): use for some in uses.values() for use in some}.values())

    def wrong(merges: Sequence[Merge]) -> list[Use]:
        """Return the calls that fail, and those in which the port follows another rule than the last one says."""
        rule, members = merges[-1].quirk, [of_id[name] for name in merges[-1].members]
        others = [
            use
            for use in explained
            if rule.always
            and not any(member.id in use.quirks for member in members)
            and any(name in of_id and type(of_id[name].returned) is type(rule.returned) for name in use.quirks)
            and not (len(members) > 1 and any(member.always and concerns_call(member, use) for member in members))
            and concerns_call(rule, use)
        ]
        return [*others, *failing(merges)]

    strict = dict[str, Merge]()
    for rule in rules:
        if rule.returned is not None and rule.returned != HANGS:
            found = _stricter(rule, uses.get(rule.id, ()), lambda one: wrong([*strict.values(), one]))
            if found is not None:
                strict[rule.id] = found
    groups: dict[str, list[Quirk]] = defaultdict(list)
    for rule in with_merges(rules, strict.values()):
        if rule.returned is not None and rule.returned != HANGS and rule.passes is None:
            groups[_kept_features(rule)].append(rule)
    merges: list[Merge] = []

    def holding(some: Sequence[Quirk]) -> Merge | None:
        others = [one for name, one in strict.items() if name not in {rule.id for rule in some}]
        return next((one for one in _merged(some) if not wrong([*others, *merges, one])), None)

    for group in groups.values():
        merges += _parts(group, holding)
    merged = {name for merge in merges for name in merge.members}
    return [*merges, *(one for name, one in strict.items() if name not in merged)]


def _stricter(rule: Quirk, held: Sequence[Use], wrong: Callable[[Merge], Sequence[Use]]) -> Merge | None:
    """Return a rule that holds always in the place of one that does not, as it stands; None if there is none."""
    always = replace(rule, always=True, says=rule.says.replace(": sometimes ", ": ", 1))
    broken = wrong(Merge(always, (rule.id,)))
    if rule.always and not broken:
        return None
    if broken:
        always = narrowed(always, held, broken)
        past = {*always.after, *always.before, *always.until} - {*rule.after, *rule.before, *rule.until}
        # with few calls, something in their past tells them apart by chance, and other rules are no past
        if past and (min(len(held), len(broken)) < _CALLS or not all(map(is_function, past))):
            return None
    found = Merge(always, (rule.id,))
    return None if not always.always or (broken and wrong(found)) else found


def _kept_features(rule: Quirk) -> str:
    """Return all of a rule that a wider one takes over as it is, and the kind of what LuaSocket does."""
    values = rule.expected.values if isinstance(rule.expected, Returns) else ()
    kind: object = type(rule.expected), len(values), values[:1] == (None,)
    returned, always = rule.returned, rule.always
    if _raises(rule):
        kind, always = "raises", True  # whatever LuaSocket does with such arguments
    elif isinstance(rule.returned, Message) and rule.always:
        returned = None  # texts may have words in common
    return repr((kind, returned, rule.others, rule.after, rule.before, rule.until, rule.where, always, rule.early))


def _raises(rule: Quirk) -> bool:
    """Tell whether a rule says that certain arguments raise an error."""
    return isinstance(rule.returned, Raises) and rule.with_ is not None


def _parts(group: Sequence[Quirk], holding: Callable[[Sequence[Quirk]], Merge | None]) -> list[Merge]:
    """Merge a group as a whole, or else each rule with the first of those before it with which that holds."""
    if len(group) > 1 and (whole := holding(group)) is not None:
        return [whole]
    parts: list[tuple[list[Quirk], Merge | None]] = []
    for rule in group:
        for place, (some, _) in enumerate(parts):
            if (merge := holding([*some, rule])) is not None:
                parts[place] = ([*some, rule], merge)
                break
        else:
            parts.append(([rule], None))
    return [merge for _, merge in parts if merge is not None]


def _merged(group: Sequence[Quirk]) -> Iterator[Merge]:
    """Yield rules for a group, the widest one first; none if there is none that says something."""
    members = tuple(rule.id for rule in group)
    expected, returned = group[0].expected, group[0].returned
    wider = _wider if all(rule.returned == returned for rule in group) else _similar
    for rule in group[1:]:
        expected = wider(expected, rule.expected)
        returned = returned if rule.returned == returned else _similar(returned, rule.returned)
    if returned is None:
        return
    if expected is None and not _raises(group[0]):
        return
    on = tuple(sorted({name for rule in group for name in rule.on}))
    first = replace(group[0], always=group[0].always or _raises(group[0]))
    for with_ in _arguments(group):
        if not first.always and (repr(with_) != repr(first.with_) or not _is_text(expected)):
            continue  # no run can show that it is too wide
        yield Merge(
            replace(
                first,
                says=f"{', '.join(map(shown_function, on))}: {_words(replace(first, returned=returned), expected)}.",
                why=f"UNEXPLAINED: {counted(len(group), 'rule')} in one, such as {first.why.rpartition(' ')[2]}",
                on=on,
                with_=with_,
                expected=expected,
                returned=returned,
            ),
            members,
        )


def _arguments(group: Sequence[Quirk]) -> Iterator[tuple[SpecValue, ...] | None]:
    """Yield patterns of the arguments of all rules, the widest one first."""
    patterns = [rule.with_ for rule in group if rule.with_ is not None]
    if len(patterns) < len(group):
        yield None
        return
    if is_about_number(group[0].returned):
        yield (*[OfType(("any",))] * min(map(len, patterns)), Splice())
    columns = [[choice for value in column for choice in _choices(value)] for column in zip_longest(*patterns)]
    if any(isinstance(value, Splice) for column in columns for value in column):
        return
    yield tuple(any_type_of(column) for column in columns)
    yield tuple(any_of(column) for column in columns)


def _choices(value: SpecValue) -> Iterator[SpecValue]:
    """Yield the values that a pattern stands for one by one."""
    if isinstance(value, OneOf):
        for choice in value.choices:
            yield from _choices(choice)
    else:
        yield value


def _is_text(expected: Outcome | Message | None) -> bool:
    """Tell whether an outcome is an error with some text."""
    return isinstance(expected, Message) or (isinstance(expected, Raises) and expected.part not in (None, b"*"))


def _words(rule: Quirk, expected: Outcome | Message | None) -> str:
    """Return the words for a rule with a wider pattern of what LuaSocket does."""
    often = "" if rule.always else "sometimes "
    if isinstance(rule.returned, Raises) and rule.returned.part is not None and not isinstance(expected, Message):
        return f"{often}raises {rule.returned.part.decode('latin-1')!a}"
    if isinstance(expected, Message) and isinstance(rule.returned, Message):
        return f"{often}the error {expected.glob!a} is {rule.returned.glob!a}"
    if isinstance(expected, Raises) and isinstance(rule.returned, Returns):
        text = "*" if expected.part is None else expected.part.decode("latin-1")
        return f"{often}returns instead of raising {'an error' if text == '*' else ascii(text)}"
    return rule.says.partition(": ")[2].removesuffix(".")


def _wider(one: Outcome | Message | None, other: Outcome | Message | None) -> Outcome | Message | None:
    """Return a pattern of both outcomes; None if there is none that says something."""
    if isinstance(one, Message) and isinstance(other, Message):
        text = _common(one.glob, other.glob)
        return None if text is None else Message(text)
    if isinstance(one, Raises) and isinstance(other, Raises):
        if one == other:
            return one
        if one.part is None or other.part is None:
            return None
        text = _common(one.part.decode("latin-1"), other.part.decode("latin-1"))
        return Raises((text or "*").encode("latin-1"))
    if isinstance(one, Returns) and isinstance(other, Returns) and len(one.values) == len(other.values):
        values = [_wider_value(mine, theirs) for mine, theirs in zip(one.values, other.values, strict=True)]
        known = [value for (value,) in filter(None, values)]
        return Returns(tuple(known)) if len(known) == len(values) else None
    return None


def _wider_value(one: SpecValue, other: SpecValue) -> tuple[SpecValue] | None:
    """Return a pattern of two values, in a tuple; None if one is a variable, or tells failure from success."""
    if repr(one) == repr(other):  # to Python, true equals 1
        return (one,)
    for value in (one, other):
        if value is None or isinstance(value, bool | Ref | Splice):
            return None
    return (OfType(tuple(sorted(types_of(one) | types_of(other)))),)


def _similar(one: Outcome | Message | None, other: Outcome | Message | None) -> Message | None:
    """Return the words that two texts of errors have in common, with ``*`` between them; None if they are too few."""
    if not isinstance(one, Message) or not isinstance(other, Message):
        return None
    words, others = (re.findall(r"\w+|\W", text.glob) for text in (one, other))
    text, end = "", (0, 0)
    for mine, theirs, size in SequenceMatcher(None, words, others, autojunk=False).get_matching_blocks():
        text += "*" * ((mine, theirs) != end) + "".join(words[mine : mine + size])
        end = mine + size, theirs + size
    letters = [len(re.sub(r"\W", "", glob)) for glob in (text, one.glob, other.glob)]
    if letters[0] < max(_COMMON, _SIMILAR * max(letters)):
        return None
    return Message(re.sub(r"[*]+", "*", text))


def _common(one: str, other: str) -> str | None:
    """Return the longest text that two texts of errors have in common, with ``*`` for what is around it."""
    if one == other:
        return one
    found = SequenceMatcher(None, one, other, autojunk=False).find_longest_match()
    text = one[found.a : found.a + found.size].strip("*")
    if len(text.strip()) < _COMMON:
        return None
    before, after = max(found.a, found.b) > 0, max(len(one) - found.a, len(other) - found.b) > found.size
    return f"{'*' * before}{text}{'*' * after}"
