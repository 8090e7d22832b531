"""Indexes a spec by function: which behaviours are about a function, what its calls return, which messages it gives."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Final

from luasocket_spec import model
from luasocket_spec.api import Api, Function, load_api
from luasocket_spec.situations import SITUATIONS

from luasocket_runners import notation
from luasocket_runners.notation import Names

__all__ = ["Entry", "Index", "NotFound", "Observation", "entries", "find", "main_function"]

_NO_NAMES: Final = Names({})
#: Near matches that a message lists.
_SHOWN: Final = 5

#: The functions that return a function; what calls of it return belongs to their pages.
_WRAPS: Final = frozenset({"socket.newtry", "socket.protect", "socket.choose", "socket.sink", "socket.source"})

#: The functions that create an object, or return one, and the kind of the object.
_MAKES: Final[Mapping[str, str]] = {
    "socket.tcp": "tcp", "socket.tcp4": "tcp", "socket.tcp6": "tcp", "socket.connect": "tcp", "socket.connect4": "tcp",
    "socket.connect6": "tcp", "socket.bind": "tcp", "socket.udp": "udp", "socket.udp4": "udp", "socket.udp6": "udp",
}  # fmt: skip


class NotFound(Exception):
    """Nothing has the name that was looked up; the message is a sentence with near matches."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A behaviour as it is written: one case, or all its cases together."""

    id: str
    cases: tuple[model.Behaviour, ...]

    @property
    def first(self) -> model.Behaviour:
        """The first case."""
        return self.cases[0]

    @property
    def rules(self) -> tuple[str, ...]:
        """The different sentences of the cases, in their order."""
        return tuple(dict.fromkeys(" ".join(case.says.split()) for case in self.cases))

    def notes(self) -> tuple[str, ...]:
        """Return remarks for a list: authority, dialects, version, disagreement."""
        first = self.first
        found = ["observed"] if first.authority == "observed" else []
        dialects = {dialect for case in self.cases for dialect in case.dialects}
        if len(dialects) == 1:
            found.append(f"{min(dialects)} only")
        if first.disagrees is not None:
            since = first.disagrees.since
            found.append("disagreement" if since is None else f"disagreement since {since}")
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Observation:
    """One checked call of a function in a behaviour: the call, and the results that are required of it."""

    function: Function
    behaviour: model.Behaviour
    call: model.Call
    reading: model.Reading
    outcome: model.Outcome
    through: str = ""  #: the name of a function that the function has returned, if that is what is called

    @property
    def text(self) -> str:
        """The call in Lua's notation: ``receive("*l")``, or ``safe(1)`` for a function that protect returned."""
        return f"{self.through or self.function.name}({self.arguments})"

    @property
    def arguments(self) -> str:
        """The arguments in Lua's notation."""
        return ", ".join(notation.show(argument, _NO_NAMES) for argument in self.call.args)

    @property
    def results(self) -> str:
        """The results, or the error, in Lua's notation."""
        return notation.show_outcome(self.outcome, _NO_NAMES)


def entries(behaviours: Sequence[model.Behaviour]) -> list[Entry]:
    """Return the behaviours with their cases joined, in the order of the spec."""
    joined: dict[str, list[model.Behaviour]] = {}
    for behaviour in behaviours:
        joined.setdefault(behaviour.entry, []).append(behaviour)
    return [Entry(identity, tuple(cases)) for identity, cases in joined.items()]


def find(behaviours: Sequence[model.Behaviour], identity: str) -> model.Behaviour:
    """Return the behaviour with an id, or the first case of the only entry whose id begins or ends like that.

    Raises :class:`NotFound` where there is none, or more than one.
    """

    def begins_or_ends(behaviour: model.Behaviour) -> bool:
        return behaviour.id.startswith(identity) or behaviour.entry.endswith(f"/{identity}")

    tests: list[Callable[[model.Behaviour], bool]] = [
        lambda behaviour: behaviour.id == identity,
        lambda behaviour: behaviour.entry == identity,
        begins_or_ends,
    ]
    for matches in tests:
        found = entries([behaviour for behaviour in behaviours if matches(behaviour)])
        if len(found) == 1:
            return found[0].first
        if found:
            shown = ", ".join(entry.id for entry in found[:_SHOWN]) + (", …" if len(found) > _SHOWN else "")
            raise NotFound(f"{len(found)} behaviours begin with {identity!r}: {shown}. Give more of the id.")
    ids = list(dict.fromkeys(behaviour.entry for behaviour in behaviours))
    ends = {name.rpartition("/")[2]: name for name in reversed(ids)}
    close = difflib.get_close_matches(identity, ends, n=_SHOWN)
    near = difflib.get_close_matches(identity, ids, n=_SHOWN) or [ends[name] for name in close]
    hint = f" Near matches: {', '.join(near)}." if near else " 'luasocket-conformance list' prints all ids."
    raise NotFound(f"No behaviour has the id {identity!r}.{hint}")


class Index:
    """A spec by function."""

    def __init__(self, spec: model.Spec, api: Api | None = None) -> None:
        self.spec = spec
        self.api = api if api is not None else load_api()
        #: The functions by the name that statements use for them.
        self._by_statement = {
            name: function.id for function in self.api.functions.values() for name in function.statements
        }
        self._methods = {(f.kind, f.name): f for f in self.api.functions.values() if f.is_method}

    @cached_property
    def by_id(self) -> dict[str, model.Behaviour]:
        """The behaviours by id."""
        return {behaviour.id: behaviour for behaviour in self.spec.behaviours}

    # -- functions by name

    def functions(self, name: str) -> list[Function]:
        """Return the functions with a name: an id, a bare name, or the id of a statement. Raises :class:`NotFound`."""
        wanted = name.strip().partition("/")[0].removesuffix("()")
        wanted = wanted.replace("tcp{", "").replace("udp{", "").replace("}", "")
        if wanted in self.api.functions:
            return [self.api.functions[wanted]]
        if wanted in self._by_statement:
            return [self.api.functions[self._by_statement[wanted]]]
        found = [f for f in self.api.functions.values() if wanted in (f.name, f.id.removeprefix("socket."))]
        head, colon, method = wanted.partition(":")
        if colon:
            classes = {"master", "client", "server", "unconnected", "connected", "tcp", "udp"}
            found += [
                f
                for f in self.api.functions.values()
                if f.is_method and f.name == method and (head not in classes or any(head in on for on in f.on))
            ]
        if not found:
            raise NotFound(f"No function has the name {name!r}.{self._near(wanted)}")
        return list(dict.fromkeys(found))

    def _near(self, wanted: str) -> str:
        names = dict.fromkeys(f.name for f in self.api.functions.values())
        near = difflib.get_close_matches(re.split("[.:]", wanted)[-1], names, n=_SHOWN, cutoff=0.6)
        ids = [f.id for name in near for f in self.api.functions.values() if f.name == name]
        return f" Near matches: {', '.join(ids)}." if ids else " 'luasocket-conformance explain' prints all functions."

    def statements(self, function: Function) -> list[model.Statement]:
        """Return the statements of the documentation about a function."""
        return [statement for statement in self.spec.statements.values() if statement.function in function.statements]

    # -- behaviours by function

    def behaviours(self, function: Function) -> list[model.Behaviour]:
        """Return the behaviours that cover a statement of a function, or check one of its calls."""
        return list(self._about.get(function.id, ()))

    @cached_property
    def _about(self) -> dict[str, list[model.Behaviour]]:
        found: dict[str, list[model.Behaviour]] = {}
        for behaviour in self.spec.behaviours:
            covered = (self._by_statement.get(name.partition("/")[0]) for name in behaviour.covers)
            checked = (observation.function.id for observation in self._observations[behaviour.id])
            names = list(filter(None, [*covered, *checked])) or self._called_last(behaviour)
            names += [name for name in self._called(behaviour) if self._is_subject(name, behaviour)]
            for identity in dict.fromkeys(names):
                found.setdefault(identity, []).append(behaviour)
        return found

    def _called(self, behaviour: model.Behaviour) -> list[str]:
        """Return the functions that the steps of a behaviour call, checked or not."""
        kinds = self._kinds(behaviour)
        targets = [step.target for step in behaviour.steps if isinstance(step, model.Call)]
        return [found.id for target in targets if (found := self._target(target, kinds, behaviour)) is not None]

    def _is_subject(self, identity: str, behaviour: model.Behaviour) -> bool:
        """Tell whether the file of a behaviour has the name of a function: tcp/accept, tcp/receive-line."""
        return behaviour.subject.rpartition("/")[2].partition("-")[0] == self.api.functions[identity].name

    def _called_last(self, behaviour: model.Behaviour) -> list[str]:
        """Return the function of the last call of a behaviour, as a list of one or none."""
        kinds = self._kinds(behaviour)
        calls = [step for step in behaviour.steps if isinstance(step, model.Call)]
        functions = [self._target(call.target, kinds, behaviour) for call in calls]
        return [function.id for function in functions if function is not None][-1:]

    def main_function(self, behaviour: model.Behaviour) -> Function | None:
        """Return the function of the last checked call of a behaviour, of its last call, or of what it covers."""
        checked = list(self._checked(behaviour))
        if checked:
            return checked[-1].function
        covered = (self._by_statement.get(name.partition("/")[0]) for name in behaviour.covers)
        found = [*self._called_last(behaviour), *filter(None, covered)]
        return self.api.functions[found[0]] if found else None

    def observations(self, function: Function) -> Iterator[Observation]:
        """Yield the checked calls of a function, in the order of the spec."""
        for behaviour in self.behaviours(function):
            yield from (found for found in self._observations[behaviour.id] if found.function == function)

    def main_subjects(self, function: Function) -> set[str]:
        """Return the files that are about a function: those in which most behaviours check a call of it last."""
        last: dict[str, list[bool]] = {}
        for behaviour in self.spec.behaviours:
            found = self.last_observations(behaviour)
            if found:
                last.setdefault(behaviour.subject, []).append(found[-1].function == function)
        return {subject for subject, hits in last.items() if 2 * sum(hits) > len(hits)}

    def situations(self, function: Function) -> dict[str, list[Observation]]:
        """Return the last calls of behaviours by situation, in the order of the vocabulary; equal ones once.

        Typical ones come first: those of the files about the function, and one for each list of arguments.
        """
        found: dict[str, dict[tuple[str, str], Observation]] = {}
        for behaviour in self.behaviours(function):
            for observation in self.last_observations(behaviour) if behaviour.situation is not None else ():
                if observation.function == function:
                    place = found.setdefault(behaviour.situation or "", {})
                    place.setdefault((observation.text, observation.results), observation)
        subjects = self.main_subjects(function)
        return {name: _typical(found[name].values(), subjects) for name in SITUATIONS if name in found}

    def last_observations(self, behaviour: model.Behaviour) -> list[Observation]:
        """Return the last checked call of a behaviour, whose situation it names, once for each reading."""
        found = self._observations[behaviour.id]
        return [item for item in found if item.call is found[-1].call]

    @cached_property
    def _observations(self) -> dict[str, list[Observation]]:
        return {behaviour.id: list(self._checked(behaviour)) for behaviour in self.spec.behaviours}

    def _checked(self, behaviour: model.Behaviour) -> Iterator[Observation]:
        if any(isinstance(step, model.Set) and step.path in self.api.functions for step in behaviour.all_steps()):
            return  # with a function of the program in the place of one of the module, results are the program's
        kinds = self._kinds(behaviour)
        for step in behaviour.all_steps():
            if not isinstance(step, model.Call):
                continue
            function = self._target(step.target, kinds, behaviour)
            if function is None:
                continue
            through = step.target.name if isinstance(step.target, model.ValueTarget) else ""
            for reading, outcome in step.expect.by_reading:
                if not isinstance(outcome, model.Succeeds):
                    yield Observation(function, behaviour, step, reading, outcome, through)

    def _target(self, target: model.Target, kinds: Mapping[str, str], behaviour: model.Behaviour) -> Function | None:
        if isinstance(target, model.PathTarget):
            return self.api.functions.get(target.path)
        if isinstance(target, model.MethodTarget):
            fallback = "udp" if behaviour.subject.startswith("udp/") else "tcp"
            return self._methods.get((kinds.get(target.name.partition(".")[0], fallback), target.method))
        return self.api.functions.get(kinds.get(target.name, ""))

    @staticmethod
    def _kinds(behaviour: model.Behaviour) -> dict[str, str]:
        """Return ``tcp`` or ``udp`` for each name that is bound to an object, and the maker of a returned function."""
        kinds = {name: "udp" if "udp" in fixture.name else "tcp" for name, fixture in behaviour.given}
        for step in behaviour.steps:
            if isinstance(step, model.Call) and step.binds and step.binds[0] is not None:
                if isinstance(step.target, model.PathTarget) and step.target.path in _MAKES:
                    kinds[step.binds[0]] = _MAKES[step.target.path]
                elif isinstance(step.target, model.PathTarget) and step.target.path in _WRAPS:
                    kinds[step.binds[0]] = step.target.path
                elif isinstance(step.target, model.MethodTarget) and step.target.method == "accept":
                    kinds[step.binds[0]] = "tcp"
        return kinds

    # -- messages

    def messages(self, function: Function) -> dict[str, list[str]]:
        """Return the messages that a function returns or raises, in Lua's notation, each with ids of behaviours."""
        found: dict[str, list[str]] = {}
        for observation in self.observations(function):
            message = _message(observation)
            if message is not None:
                ids = found.setdefault(message, [])
                identity = observation.behaviour.entry
                if identity not in ids:
                    ids.append(identity)
        return found

    def disagreements(self, function: Function) -> dict[model.Disagreement, list[str]]:
        """Return the disagreements that behaviours of a function show, each with ids of behaviours."""
        found: dict[model.Disagreement, list[str]] = {}
        for behaviour in self.behaviours(function):
            if behaviour.disagrees is not None:
                ids = found.setdefault(behaviour.disagrees, [])
                if behaviour.entry not in ids:
                    ids.append(behaviour.entry)
        return found


@cache
def _functions() -> Index:
    """Return an index that knows the API and no behaviours."""
    return Index(model.Spec("", (), {}, {}))


def main_function(behaviour: model.Behaviour) -> Function | None:
    """Return the function that a behaviour is about: see :meth:`Index.main_function`."""
    return _functions().main_function(behaviour)


def _typical(observations: Iterable[Observation], subjects: set[str]) -> list[Observation]:
    """Return observations with the typical ones first: of the function's own files, and with most statements."""
    seen: dict[str, int] = {}

    def rank(observation: Observation) -> tuple[int, bool]:
        seen[observation.arguments] = seen.get(observation.arguments, -1) + 1
        return seen[observation.arguments], observation.behaviour.subject not in subjects

    def typical(item: Observation) -> tuple[bool, bool, int]:
        behaviour = item.behaviour
        return behaviour.subject not in subjects, behaviour.authority == "observed", -len(behaviour.covers)

    by_subject = sorted(observations, key=typical)
    return [item for _, item in sorted(((rank(item), item) for item in by_subject), key=lambda pair: pair[0])]


def _message(observation: Observation) -> str | None:
    """Return the message of an error, None for another outcome or a message that is free."""
    outcome = observation.outcome
    if isinstance(outcome, model.Raises):
        return f"raises {notation.quote(outcome.part)}" if outcome.part else None
    if not isinstance(outcome, model.Returns):
        return None
    if observation.through:
        values = outcome.values
        return (
            notation.quote(values[1])
            if len(values) > 1 and values[0] is None and isinstance(values[1], bytes)
            else None
        )
    for shape in observation.function.returns:
        names = [result.name for result in shape]
        if "err" in names and len(outcome.values) == len(shape):
            message = outcome.values[names.index("err")]
            fails = names[0] != "err" and (shape[0].type != "nil" or outcome.values[0] is None)
            if fails and isinstance(message, bytes):
                return notation.quote(message)
    return None
