"""All that is expected to differ on one port, applied to results.

Combines known deviations, flaky behaviours, absent names and quirks; other modules read each of them. Quirks are
applied while a behaviour runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Self

from luasocket_spec.model import Behaviour

from luasocket_runners.expectations.absent import AbsentNames, AbsentNamesError
from luasocket_runners.expectations.deviations import Deviations, DeviationsError
from luasocket_runners.ports import PortConfig
from luasocket_runners.quirks import NO_QUIRKS, Quirk, Quirks, QuirksError, load_quirks
from luasocket_runners.result import CONFORMING, Result

__all__ = ["Expectations"]


@dataclass(frozen=True, slots=True)
class Expectations:
    """The known deviations, flaky behaviours, absent names and quirks of a port."""

    known: Deviations = field(default_factory=Deviations)
    flaky: Deviations = field(default_factory=partial(Deviations, kind="flaky"))
    absent: AbsentNames = field(default_factory=AbsentNames)
    quirks: Quirks = NO_QUIRKS

    @classmethod
    def load(
        cls,
        known: Path | None,
        flaky: Path | None,
        behaviours: Sequence[Behaviour],
        config: PortConfig = PortConfig(),  # noqa: B008 (it is immutable)
        *,
        quirks: Path | None = None,
    ) -> Self:
        """Read the files that are given, or else those of the port's configuration, which also has the absent names.

        Raises
        ------
        DeviationsError
            When a file cannot be used, or when both name a behaviour: no verdict could satisfy both.
        """
        known, flaky, quirks = known or config.known, flaky or config.flaky, quirks or config.quirks
        try:
            absent = AbsentNames() if config.file is None else AbsentNames.load(config.file, config.absent, behaviours)
            rules = NO_QUIRKS if quirks is None else load_quirks(quirks, behaviours)
        except (AbsentNamesError, QuirksError) as error:
            raise DeviationsError(str(error)) from None
        expectations = cls(
            Deviations() if known is None else Deviations.load(known, behaviours),
            Deviations(kind="flaky") if flaky is None else Deviations.load(flaky, behaviours, "flaky"),
            absent,
            rules,
        )
        problems = []
        for behaviour in behaviours:
            one, other = expectations.known.find(behaviour.id), expectations.flaky.find(behaviour.id)
            if one is not None and other is not None:
                problems.append(
                    f"{expectations.flaky.file}:{other.line}: {behaviour.id} is listed as flaky here, and as a known "
                    f"deviation in {expectations.known.file}:{one.line}; list it once"
                )
        if problems:
            raise DeviationsError("\n".join(problems))
        return expectations

    def apply(self, result: Result) -> Result:
        """Return the result with the verdict that it has in view of the expectations."""
        return self.known.apply(self.flaky.apply(self.absent.apply(result)))

    def unneeded_quirks(self, results: Sequence[Result]) -> tuple[Quirk, ...]:
        """Return the quirks that no behaviour of a whole run needs.

        One that does not hold somewhere is a failure there. One about descriptors is judged only where they are seen.
        """
        needed = {quirk for result in results for quirk in result.quirks}
        needed.update(quirk for result in results if result.observation for quirk in result.observation.broken_quirks)
        if all(result.leaked is None for result in results):
            needed.update(quirk.id for quirk in self.quirks.rules if quirk.leaks)
        return tuple(quirk for quirk in self.quirks.rules if quirk.id not in needed)

    def expects(self, result: Result) -> bool:
        """Tell whether a result is as expected."""
        return self.apply(result).verdict in CONFORMING
