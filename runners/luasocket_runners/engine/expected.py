"""The outcomes that one call may have: those that the spec expects, rewritten by the quirks of the port."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace

from luasocket_spec import model
from luasocket_spec.model import Authority, Outcome, Raises, Returns

from luasocket_runners.engine.bindings import Scope
from luasocket_runners.engine.matcher import Matcher
from luasocket_runners.engine.readings import Outcomes, Readings, show_outcomes
from luasocket_runners.engine.recording import resolved
from luasocket_runners.engine.requests import Reply
from luasocket_runners.quirks.model import HANGS, KEPT, Quirk
from luasocket_runners.quirks.patterns import types_of
from luasocket_runners.quirks.rewriting import Alternative, bound_results, rewrite
from luasocket_runners.result import Observation, Use
from luasocket_runners.values import LuaValue

#: Bytes of a string that an observation keeps: enough to see what it is.
_KEPT = 200


@dataclass(slots=True)
class Expected:
    """The outcomes of one call.

    Attributes
    ----------
    outcomes
        The outcomes that the open readings of the spec expect.
    alternatives
        For each of them, the outcomes that the port may have instead, in the order in which they are tried. Empty
        without quirks, as for most calls: then the outcomes themselves are compared, and nothing else.
    used
        The rules without which the reply would have been a failure; known once it was compared.
    """

    outcomes: Outcomes
    alternatives: tuple[tuple[Alternative, ...], ...] = ()
    used: tuple[str, ...] = ()
    _rewrite: Callable[[int, Collection[str]], Sequence[Alternative]] | None = None
    _chosen: int = field(default=0, init=False)
    _fitting: Alternative | None = field(default=None, init=False)
    _nearest: list[Alternative] = field(default_factory=list, init=False)

    @classmethod
    def of(
        cls,
        outcomes: Outcomes,
        rules: Sequence[Quirk],
        args: tuple[LuaValue, ...],
        scope: Scope,
        kept: bytes | None = b"",
    ) -> Expected:
        """Apply the rules that concern a function to the outcome that the spec expects of a call.

        ``kept`` are the bytes that earlier calls on the object have kept back, None if they are not known.
        """
        if not rules:
            return cls(outcomes)

        def resolve(value: model.SpecValue) -> LuaValue:
            return kept if value is KEPT else scope.resolve(value)

        rewritten = (tuple(rewrite(rules, args, outcome, resolve)) for outcome, _ in outcomes)

        def without(place: int, removed: Collection[str]) -> Sequence[Alternative]:
            others = [rule for rule in rules if rule.id not in removed]
            return rewrite(others, args, outcomes[place][0], resolve)

        return cls(outcomes, tuple(rewritten), (), without)

    def show(self, scope: Scope) -> str:
        """Return the outcome that the port has to have, in Lua's notation."""
        outcomes = [(one.outcome, authorities) for one, (_, authorities) in self._pairs()]
        returning = [pair for pair in outcomes if pair[0] != HANGS]
        return show_outcomes(returning, scope.names()) if returning else "a call that does not return"

    @property
    def raises(self) -> bool:
        """Whether the spec expects an error to be raised."""
        return any(isinstance(outcome, Raises) for outcome, _ in self.outcomes)

    @property
    def hanging(self) -> tuple[str, ...]:
        """The rules by which the call may not return; empty if it has to."""
        hanging = (one.quirks for tried in self.alternatives for one in tried if one.outcome == HANGS)
        return next(hanging, ())

    def _pairs(self) -> zip[tuple[Alternative, tuple[Outcome, frozenset[Authority]]]]:
        """Return the alternative of each outcome that is nearest to the reply."""
        nearest = self._nearest or [tried[0] for tried in self.alternatives]
        return zip(nearest or [Alternative(outcome) for outcome, _ in self.outcomes], self.outcomes, strict=True)

    def compare(self, readings: Readings, reply: Reply, matcher: Matcher) -> str | None:
        """Compare a reply with the outcomes; return the first difference, in a sentence, or None."""
        if not self.alternatives:
            return readings.compare(self.outcomes, reply.returns, reply.raises, matcher)
        chosen = self._nearest = [self._choose(tried, reply, matcher) for tried in self.alternatives]
        tried = [(one.outcome, authorities) for one, (_, authorities) in zip(chosen, self.outcomes, strict=True)]
        difference = readings.compare(tried, reply.returns, reply.raises, matcher)
        if difference is not None and all(outcome == HANGS for outcome, _ in tried):
            difference = "the call returned"
        if difference is None:
            self._chosen = next(place for place, one in enumerate(chosen) if _fits(one.outcome, reply, matcher))
            self._fitting = chosen[self._chosen]
            spec_outcome = self.outcomes[self._chosen][0]
            # a rule that a reply follows counts only if LuaSocket's own outcome is another one
            self.used = () if _fits(spec_outcome, reply, matcher) else self._fitting.quirks
        return difference

    @staticmethod
    def _choose(tried: tuple[Alternative, ...], reply: Reply, matcher: Matcher) -> Alternative:
        """Return the first outcome that fits a reply, or else the first that looks like it."""
        if len(tried) == 1:
            return tried[0]
        fitting = next((one for one in tried if _fits(one.outcome, reply, matcher)), None)
        return fitting or next((one for one in tried if _looks_like(one.outcome, reply)), tried[0])

    def broken_quirks(self, reply: Reply, matcher: Matcher) -> tuple[str, ...]:
        """Return the rules that do not hold for a reply, which is right but for them."""
        for place in range(len(self.alternatives)):
            if broken := self._broken_at(place, reply, matcher):
                return broken
        return ()

    def _broken_at(self, place: int, reply: Reply, matcher: Matcher) -> tuple[str, ...]:
        """Remove rules, the last one that applies first, until the reply fits; return those that have to go."""

        def fit(removed: Collection[str]) -> bool:
            assert self._rewrite is not None
            return any(_fits(one.outcome, reply, matcher) for one in self._rewrite(place, removed))

        removed: list[str] = []
        tried: Sequence[Alternative] = self.alternatives[place]
        while tried[-1].quirks:
            removed.append(tried[-1].quirks[-1])
            assert self._rewrite is not None
            tried = self._rewrite(place, removed)
            if any(_fits(one.outcome, reply, matcher) for one in tried):
                return tuple(quirk for quirk in removed if not fit([one for one in removed if one != quirk]))
        return ()

    def overreaching_quirks(self, reply: Reply) -> tuple[str, ...]:
        """Return the rules by which the port should have raised an error and has not, or the reverse."""
        raised = reply.returns is None
        for place, tried in enumerate(self.alternatives):
            removed: list[str] = []
            while tried[0].quirks and isinstance(tried[0].outcome, Raises) is not raised:
                removed.append(tried[0].quirks[-1])
                assert self._rewrite is not None
                tried = tuple(self._rewrite(place, removed))
            if removed and isinstance(tried[0].outcome, Raises) is raised:
                return tuple(removed)
        return ()

    def results(self, reply: Reply, scope: Scope) -> tuple[LuaValue, ...]:
        """Return the results of a reply that was compared, in the places of the spec."""
        results = (reply.raises,) if reply.returns is None else reply.returns
        if self._fitting is None or not self._fitting.quirks:
            return results
        return bound_results(self.outcomes[self._chosen][0], self._fitting, results, scope.resolve)

    def plain(self, scope: Scope) -> tuple[LuaValue, ...]:
        """Return the results that the spec expects; nil for each that it does not name."""
        spec_outcome = self.outcomes[0][0]
        nothing = Alternative(spec_outcome, (), ("",))
        return bound_results(spec_outcome, nothing, (), scope.resolve)

    def left_out(self, args: Sequence[LuaValue], scope: Scope) -> bytes | None:
        """Return the data that LuaSocket returns, and the reply by a rule does not: strings behind a message.

        A prefix among the arguments was not received. None: one of the strings is not known.
        """
        spec_outcome, fitting = self.outcomes[self._chosen][0], self._fitting
        if not isinstance(spec_outcome, Returns) or fitting is None or not fitting.quirks or fitting.places is None:
            return b""
        left = [value for place, value in enumerate(spec_outcome.values) if place > 1 and place not in fitting.places]
        if any(isinstance(value, model.MatcherSpec) and "string" in types_of(value) for value in left):
            return None
        known = [scope.resolve(value) for value in left if not isinstance(value, model.MatcherSpec)]
        prefix = args[1] if len(args) > 1 and isinstance(args[1], bytes) else b""
        return b"".join(value.removeprefix(prefix) for value in known if isinstance(value, bytes))

    def use(self, function: str, args: tuple[LuaValue, ...], past: Collection[str]) -> Use:
        """Return a call that needed rules as data."""
        spec = self.outcomes[self._chosen][0]
        return Use(self.used, function, tuple(map(_shortened, args)), frozenset(past), spec)

    def observation(
        self,
        function: str,
        args: tuple[LuaValue, ...],
        reply: Reply,
        scope: Scope,
        broken: tuple[str, ...],
        past: Collection[str],
    ) -> Observation:
        """Return a reply that was not expected, as data."""
        returns = None if reply.returns is None else tuple(map(_shortened, reply.returns))
        return Observation(
            function,
            tuple(map(_shortened, args)),
            self._observed(scope),
            returns,
            _shortened(reply.raises),
            broken,
            past=frozenset(past),
            spec=self._rewritten(scope),
            applied=self._observed_pair()[0].quirks,
        )

    def unanswered(
        self, function: str, args: tuple[LuaValue, ...], scope: Scope, past: Collection[str], error: bytes | None
    ) -> Observation:
        """Return a call without a reply, as data: it raised this error, because it is not there, or it hangs."""
        shortened = tuple(map(_shortened, args))
        seen = Observation(function, shortened, self._observed(scope), None, error, past=frozenset(past))
        if error is not None:
            return seen
        return replace(seen, hangs=True, spec=self._rewritten(scope))

    def _observed(self, scope: Scope) -> Outcome:
        """Return the outcome of the observed reading, which is nearest to the reply if there is one."""
        return _without_names(self._observed_pair()[0].outcome, scope)

    def _observed_pair(self) -> tuple[Alternative, tuple[Outcome, frozenset[Authority]]]:
        return max(self._pairs(), key=lambda pair: "observed" in pair[1][1])

    def _rewritten(self, scope: Scope) -> Outcome | None:
        """Return the spec's outcome in the observed reading, if quirks have made another one of it."""
        alternative, (outcome, _) = self._observed_pair()
        return _without_names(outcome, scope) if alternative.quirks else None


def _fits(outcome: Outcome, reply: Reply, matcher: Matcher) -> bool:
    if reply.returns is None:
        return matcher.outcome_raises(outcome, reply.raises) is None
    return matcher.outcome_returns(outcome, reply.returns) is None


def _looks_like(outcome: Outcome, reply: Reply) -> bool:
    """Tell whether an outcome raises an error as a reply does, or fails or succeeds with as many values."""
    if reply.returns is None or not isinstance(outcome, Returns):
        return reply.returns is None and isinstance(outcome, Raises)
    fails = [values[:1] in ((None,), (False,)) for values in (outcome.values, reply.returns)]
    return len(outcome.values) == len(reply.returns) and fails[0] is fails[1]


def _shortened(value: LuaValue) -> LuaValue:
    return value[:_KEPT] if isinstance(value, bytes) else value


def _without_names(outcome: Outcome, scope: Scope) -> Outcome:
    """Return an outcome with names replaced by their values, which are shortened."""
    known = resolved(outcome, scope)
    if isinstance(known, Returns):
        return Returns(tuple(map(_shortened, known.values)))  # type: ignore[arg-type]
    return known
