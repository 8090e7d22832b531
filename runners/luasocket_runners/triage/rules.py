"""Finds the quirks of a port: proposes rules for its failures, and refines them until nothing new comes.

The runs themselves are left to the caller.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from luasocket_spec.model import Raises, Returns

from luasocket_runners.quirks.called import called_functions
from luasocket_runners.quirks.model import Quirk, Quirks, shape_of
from luasocket_runners.result import PASSING, Observation, Result, Use, Verdict
from luasocket_runners.triage.contradictions import COUNT, VALUES, contradiction
from luasocket_runners.triage.leaks import propose_leaks
from luasocket_runners.triage.missing import declared_name, functions_there, missing_functions, stub
from luasocket_runners.triage.narrowing import concerns_call
from luasocket_runners.triage.proposals import MISSING, Proposal, propose
from luasocket_runners.triage.rule import BY_ARGUMENTS, Level, Rule, identity_of, quirk_of

__all__ = ["Rules", "shapes"]

#: Calls in which a rule holds, for each one in which it does not, if those are too few for a rule of their own.
EXCEPTIONS: Final = 10


class Rules:
    """The rules that were found so far.

    Parameters
    ----------
    declared
        The quirks that the port declares already; they come first.
    at_least
        The number of failures with one cause that are worth a rule.
    """

    def __init__(self, declared: Quirks, at_least: int) -> None:
        self._declared = declared
        self._at_least = at_least
        self._rules: dict[tuple[object, str, int], Rule] = {}
        self._of_id: dict[str, list[Rule]] = {}
        self._made: dict[str, Quirk] = {}
        self._unused: set[int] = set()
        self._accepted: list[Quirk] = []
        self._forms = False
        self._leaks: list[Quirk] = []
        self._settled: list[Quirk] | None = None

    def accept(self, quirk: Quirk) -> None:
        """Add a rule that no reply shows, but that a run with it has proved; it comes before the others."""
        self._accepted.insert(0, quirk)

    def find_forms(self) -> None:
        """Give arguments with many values a form from now on, which a run has to prove.

        Before all failures are known, it would be about calls that come behind other failures, and hold nowhere.
        """
        self._forms = True

    def settle(self, quirks: Sequence[Quirk]) -> None:
        """Put the final rules in the place of those that were found: nothing is learned any more."""
        self._settled = list(quirks)

    def find_leaks(self, results: Sequence[Result]) -> bool:
        """Find the rules for descriptors that stay open, once all else is judged; tell whether there are any.

        Called again after a run with them, it leaves out those that do not hold as a whole.
        """
        broken = Counter(
            quirk for result in results if result.observation for quirk in result.observation.broken_quirks
        )
        needed = Counter(quirk for result in results for quirk in result.quirks)
        if self._leaks:
            self._leaks = [
                replace(one, always=one.always and not broken[one.id])
                for one in self._leaks
                if needed[one.id] >= max(self._at_least, broken[one.id])
            ]
        else:
            declared = {quirk.id for quirk in self._declared.rules if quirk.leaks}
            self._leaks = propose_leaks((one for one in results if declared.isdisjoint(one.quirks)), self._at_least)
        return bool(self._leaks)

    def learn(self, results: Sequence[Result], *, hangs: bool = True) -> bool:
        """Take the results of a run with the quirks so far; tell whether another run may show something new.

        Without ``hangs``, calls that do not return are left for later: another rule, about the unit of timeouts, may
        explain them.
        """
        changed = self._refine(results)
        seen = [*_proposed(results, hangs=hangs), *_missing(results)]
        often = Counter(_cause(result, proposal) for result, proposal in seen)
        for result, proposal in seen:
            if often[_cause(result, proposal)] >= self._at_least or _key(result, proposal) in self._rules:
                changed |= self._see(result, proposal)
        changed |= self._contradict(results)
        if hangs:
            changed |= self._hang_instead(results)
        used = {quirk for result in results for quirk in result.quirks}
        for identity, rules in self._of_id.items():
            if identity not in used:
                self._unused.update(map(id, rules))
            else:
                self._unused.difference_update(map(id, rules))
        return changed

    def _see(self, result: Result, proposal: Proposal) -> bool:
        """Take one failure that a rule would explain; tell whether the rules have changed."""
        key = _key(result, proposal)
        rule = self._rules.get(key)
        if rule is None:
            rule = self._rules[key] = Rule(proposal, result.function)
            rule.add(result)
            return True
        return rule.add(result)

    def _contradict(self, results: Sequence[Result]) -> bool:
        """Narrow the rules that a port does not follow where they say that it differs; tell whether any has changed."""
        found: dict[int, tuple[Rule, list[Result]]] = {}
        for result in results:
            seen = result.observation
            if seen is None or seen.broken_quirks or (instead := contradiction(seen)) is None:
                continue
            proposal = propose(seen)
            # a single other count or error may be a fault, and not one of the ways in which the port differs
            if instead.kinds != COUNT and (proposal is None or _key(result, proposal) not in self._rules):
                continue
            for quirk in seen.applied:
                for rule in self._of_id.get(quirk, ()):
                    if rule.function == result.function and rule.always and _is_about(rule, instead.kinds):
                        found.setdefault(id(rule), (rule, []))[1].append(result)
        narrowed = [(rule, failures) for rule, failures in found.values() if len(failures) >= self._at_least]
        for rule, failures in narrowed:
            self._narrow(rule, failures)
        return bool(narrowed)

    def _hang_instead(self, results: Sequence[Result]) -> bool:
        """Narrow the rules by which calls return that should raise, and that hang elsewhere; tell whether any changed.

        Other rules say how a call returns, if it does.
        """
        returning = [one for one in self._made.values() if one.always and isinstance(one.expected, Raises)]
        found: dict[int, tuple[Rule, list[Result]]] = {}
        for result in results:
            seen = result.observation
            if seen is None or not seen.hangs:
                continue
            call = _call(seen)
            for quirk in returning:
                if isinstance(quirk.returned, Returns) and call.function in quirk.on and concerns_call(quirk, call):
                    for rule in self._of_id[quirk.id]:
                        if rule.function == call.function:
                            found.setdefault(id(rule), (rule, []))[1].append(result)
        for rule, failures in found.values():
            self._narrow(rule, failures)
        return bool(found)

    def _narrow(self, rule: Rule, failures: Sequence[Result], held: Sequence[Use] = ()) -> None:
        """Narrow a rule, and those about other texts of the same error: none of them holds always.

        A condition under which it holds is better than that, if enough calls tell which one.
        """
        quirk = next((self._made[name] for name, rules in self._of_id.items() if rule in rules), None)
        if quirk is not None and len(failures) >= self._at_least <= len(held):
            broken = [_call(one.observation) for one in failures if one.observation is not None]
            if rule.hold_where(quirk, held, broken):
                return
        rule.narrow(failures)
        for other in self._rules.values() if rule.proposal.kind == "text" else ():
            same_error = repr(other.proposal.expected) == repr(rule.proposal.expected)
            if other.function == rule.function and other.proposal.kind == "text" and same_error and other.always:
                other.narrow(failures)

    def _refine(self, results: Sequence[Result]) -> bool:
        """Narrow the rules that do not hold somewhere; tell whether any has changed."""
        broken: dict[int, tuple[Rule, list[Result]]] = {}
        for result in results:
            seen = result.observation
            for quirk in () if seen is None else seen.broken_quirks:
                for rule in self._of_id.get(quirk, ()):
                    if rule.function == result.function:
                        broken.setdefault(id(rule), (rule, []))[1].append(result)
        for rule, result in self._hidden(results):
            broken.setdefault(id(rule), (rule, []))[1].append(result)
        held: dict[int, list[Use]] = defaultdict(list)
        for result in results if broken else ():
            for use in result.uses:
                for quirk in use.quirks:
                    for rule in self._of_id.get(quirk, ()):
                        if rule.function == use.function and id(rule) in broken:
                            held[id(rule)].append(use)
        changed = False
        for rule, failures in broken.values():
            # a few exceptions to what holds everywhere else are faults
            if len(failures) < self._at_least and len(held[id(rule)]) >= EXCEPTIONS * len(failures):
                continue
            self._narrow(rule, failures, held[id(rule)])
            changed = True
        return changed

    def _hidden(self, results: Iterable[Result]) -> Iterator[tuple[Rule, Result]]:
        """Yield the rules that hold always, as they say, and results in which a rule before them was followed instead.

        Nothing else shows that: where a rule that holds only sometimes comes first, the port may follow that.
        """
        always = {identity: quirk for identity, quirk in self._made.items() if quirk.always}
        sometimes = self._made.keys() - always.keys()
        for result in results:
            for use in result.uses:
                if sometimes.isdisjoint(use.quirks):
                    continue
                for identity in always.keys() - set(use.quirks):
                    if use.function in always[identity].on and concerns_call(always[identity], use):
                        yield from ((rule, result) for rule in self._of_id[identity] if rule.function == use.function)

    def quirks(self, *, used_only: bool = False) -> Quirks:
        """Return the declared quirks and those that were found, functions with the same rule together."""
        return Quirks(self._declared.file, (*self._declared.rules, *self.proposed(used_only=used_only)))

    def proposed(self, *, used_only: bool = False) -> list[Quirk]:
        """Return the quirks that were found; with ``used_only`` without those that nothing needed in the last run."""
        if self._settled is not None:
            return self._settled
        groups: dict[object, list[Rule]] = defaultdict(list)
        for rule in self._rules.values():
            if rule.level is not Level.NEVER and not rule.is_guess and not (used_only and id(rule) in self._unused):
                groups[rule.proposal.key, rule.group].append(rule)
        found = list(self._accepted)
        # a call that hangs follows no other rule
        ordered = sorted(groups.values(), key=lambda rules: rules[0].proposal.kind != "hangs")
        taken = {quirk.id for quirk in (*self._declared.rules, *found, *self._leaks)}
        self._of_id, self._made = {}, {}
        for rules in ordered:
            identity = identity_of(rules, taken)
            taken.add(identity)
            self._of_id[identity] = rules
            self._made[identity] = quirk_of(identity, rules, forms=self._forms)
            found.append(self._made[identity])
        return [*found, *self._leaks]


def _call(seen: Observation) -> Use:
    """Return a call that has failed in the form of one that has not."""
    return Use((), seen.function, seen.args, seen.past, seen.spec or seen.expected)


def _is_about(rule: Rule, kinds: tuple[str, ...]) -> bool:
    """Tell whether a rule is of these kinds; for other values, not one that says only how many there are."""
    wanted, told = rule.proposal.expected, rule.proposal.returned
    of_values = isinstance(wanted, Returns) and isinstance(told, Returns) and len(wanted.values) == len(told.values)
    return rule.proposal.kind in kinds and (of_values or kinds != VALUES)


def shapes(quirks: Quirks) -> list[str]:
    """Return what rules do, without the texts about them: rounds with the same rules show nothing new."""
    return [shape_of(one) for one in quirks.rules]


def _proposed(results: Sequence[Result], *, hangs: bool) -> Iterator[tuple[Result, Proposal]]:
    """Yield the failures that a rule would explain."""
    missing = missing_functions(results)
    returning = _returning(results) if any(result.hung for result in results) else set()
    for result in results:
        if result.verdict is not Verdict.FAILED or result.observation is None or stub(result) in missing:
            continue
        proposal = propose(result.observation)
        if proposal is not None and proposal.kind == "hangs" and result.function not in returning:
            proposal = replace(proposal, expected=None)  # whatever LuaSocket does
        if proposal is not None and (hangs or proposal.kind != "hangs"):
            yield result, proposal


def _returning(results: Iterable[Result]) -> set[str]:
    """Return the functions that have returned, or raised an error, in any behaviour."""
    returning = set[str]()
    for result in results:
        if result.verdict in PASSING and not result.at:
            returning.update(function for function, _ in called_functions(result.behaviour))
        elif result.verdict is Verdict.FAILED and not result.hung:
            returning.add(result.function)
    return returning


def _missing(results: Sequence[Result]) -> Iterator[tuple[Result, Proposal]]:
    """Yield the results of methods that some objects do not have, and others have.

    A method that no object has is absent, which is declared elsewhere, and so is one of an object of an unknown class.
    """
    there = functions_there(results)
    for result in results:
        if result.verdict is Verdict.NOT_IMPLEMENTED and result.observation is not None:
            owner = result.function.partition(":")[0]
            if owner and declared_name(result.function) in there:
                yield result, MISSING


def _cause(result: Result, proposal: Proposal) -> object:
    """Return the common features of failures that are worth a rule together."""
    if proposal.kind == "missing":
        return proposal.key, declared_name(result.function)
    return proposal.key, result.function if proposal.kind == "hangs" else ""


def _key(result: Result, proposal: Proposal) -> tuple[object, str, int]:
    """Return the key of a rule: of one that depends on the arguments, with their number."""
    assert result.observation is not None
    counts = proposal.kind in BY_ARGUMENTS
    return proposal.key, result.function, len(result.observation.args) if counts else -1
