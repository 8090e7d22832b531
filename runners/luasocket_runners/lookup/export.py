"""Exports the whole expanded specification as JSON, for runners, sites and tools in other languages.

Values have the form of the adapter protocol (``PROTOCOL.md``) where they are plain; what cannot be literal is an object
with a key that names it, as in the YAML. ``export.schema.json`` describes the document.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from math import isinf, isnan
from typing import Any, Final

from luasocket_spec import model
from luasocket_spec.capabilities import CAPABILITIES
from luasocket_spec.manual import load_manual
from luasocket_spec.situations import SITUATIONS
from luasocket_spec.versions import load_versions

from luasocket_runners.lookup import versions
from luasocket_runners.lookup.index import Index

__all__ = ["FORMAT", "export"]

#: The version of the document's form; a change that breaks a reader raises it.
FORMAT: Final = 1


def export(index: Index) -> dict[str, Any]:
    """Return the document, ready for ``json.dump``."""
    spec = index.spec
    return {
        "format": FORMAT,
        "spec": spec.version,
        "dialects": list(model.DIALECTS),
        "situations": dict(SITUATIONS),
        "capabilities": {name: capability.says for name, capability in CAPABILITIES.items()},
        "classes": {name: asdict(entry) for name, entry in index.api.classes.items()},
        "functions": {name: _function(index, name) for name in index.api.functions},
        "constants": {name: _plain(asdict(entry)) for name, entry in index.api.constants.items()},
        "options": {
            kind: {name: _plain(asdict(option)) for name, option in options.items()}
            for kind, options in index.api.options.items()
        },
        "releases": [_plain(asdict(release)) for release in load_versions().releases],
        "changes": [_plain(asdict(change)) for change in load_versions().changes],
        "manual": [_plain(asdict(difference)) for difference in load_manual()],
        "statements": {
            name: {
                "function": entry.function,
                "says": _text(entry.says),
                "waived": entry.waived,
                "at": str(entry.source),
            }
            for name, entry in spec.statements.items()
        },
        "behaviours": [_behaviour(index, behaviour) for behaviour in spec.behaviours],
    }


def _function(index: Index, name: str) -> dict[str, Any]:
    function = index.api.functions[name]
    return {
        "signature": function.signature(),
        **{key: value for key, value in _plain(asdict(function)).items() if key != "columns"},
        "behaviours": [behaviour.id for behaviour in index.behaviours(function)],
        "messages": index.messages(function),
    }


def _plain(value: Any) -> Any:
    """Return tuples as lists."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple | list) else value


def _text(text: str) -> str:
    return " ".join(text.split())


def _behaviour(index: Index, behaviour: model.Behaviour) -> dict[str, Any]:
    disagrees = behaviour.disagrees
    return {
        "id": behaviour.id,
        "entry": behaviour.entry,
        "about": behaviour.about,
        "says": _text(behaviour.says),
        "hint": _text(behaviour.hint) if behaviour.hint is not None else None,
        "situation": behaviour.situation,
        "since": versions.note(index.main_function(behaviour), [behaviour]),
        "authority": behaviour.authority,
        "covers": list(behaviour.covers),
        "dialects": list(behaviour.dialects),
        "needs": list(behaviour.needs),
        "disagrees": _plain(asdict(disagrees)) if disagrees is not None else None,
        "given": {
            name: {"fixture": fixture.name, "steps": [_step(step) for step in fixture.steps]}
            for name, fixture in behaviour.given
        },
        "functions": {
            name: {
                "params": list(function.params),
                "steps": [_step(step) for step in function.steps],
                "returns": _values(function.returns),
                "raises": _values(function.raises),
            }
            for name, function in behaviour.functions.items()
        },
        "steps": [_step(step) for step in behaviour.steps],
        "at": str(behaviour.source),
    }


def _step(step: model.Step) -> dict[str, Any]:
    match step:
        case model.Call():
            takes = {"at_least": step.takes.at_least, "at_most": step.takes.at_most}
            return {
                "call": _target(step.target),
                "with": _values(step.args),
                "expect": _expectation(step.expect),
                "as": list(step.binds),
                "takes": {key: value for key, value in takes.items() if value is not None},
                "keep": step.keep,
                "while": [{"after": item.after, **_happens(item.action)} for item in step.meanwhile],
            }
        case model.Get():
            return {"get": step.field, "of": step.name, "expect": _expectation(step.expect), "as": step.bind}
        case model.Set():
            return {"set": step.path, "to": _value(step.value)}
        case model.Make():
            metatable = {"calls": step.calls, "inherits": step.inherits}
            given = {key: _value(value) for key, value in metatable.items() if value is not None}
            return {"make": step.name, "value": _value(step.value), **given}
        case model.Drop():
            return {"drop": list(step.names)}
        case model.Called():
            args = None if step.args is None else [_values(values) for values in step.args]
            return {"called": step.function, "times": step.times, "with": args}
        case model.System():
            return {"system": step.option, "of": step.name, "expect": _expectation(step.expect)}
        case model.PeerStep():
            return {"peer": _action(step.action)}


def _target(target: model.Target) -> dict[str, str]:
    match target:
        case model.MethodTarget():
            return {"object": target.name, "method": target.method}
        case model.PathTarget():
            return {"path": target.path}
        case model.ValueTarget():
            return {"value": target.name}


def _happens(action: model.PeerAction | model.Interruption) -> dict[str, Any]:
    return {"interrupt": True} if isinstance(action, model.Interruption) else {"peer": _action(action)}


def _action(action: model.PeerAction) -> dict[str, Any]:
    return {
        "who": action.who,
        "do": action.verb,
        "value": _value(action.value),
        "options": {key: _value(value) for key, value in action.options.items()},
        "as": action.bind,
    }


def _expectation(expectation: model.Expectation) -> list[dict[str, Any]]:
    return [
        {"dialect": reading.dialect, "authority": reading.authority, **_outcome(outcome)}
        for reading, outcome in expectation.by_reading
    ]


def _outcome(outcome: model.Outcome) -> dict[str, Any]:
    match outcome:
        case model.Returns():
            return {"returns": _values(outcome.values)}
        case model.Raises():
            if outcome.part is not None:
                return {"raises": {"contains": _value(outcome.part)}}
            return {"raises": {"value": _value(outcome.value)}}
        case model.Succeeds():
            return {"succeeds": True}


def _values(values: Sequence[model.SpecValue]) -> list[Any]:
    return [_value(value) for value in values]


def _pairs(entries: Sequence[tuple[model.SpecValue, model.SpecValue]]) -> list[Any]:
    return [[_value(key), _value(value)] for key, value in entries]


def _value(value: model.SpecValue) -> Any:
    if isinstance(value, float) and (isinf(value) or isnan(value)):
        return {"number": "nan" if isnan(value) else "inf" if value > 0 else "-inf"}
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if not isinstance(value, model.Value):
        return value
    return _tagged(value)


def _tagged(value: model.Value) -> Mapping[str, Any]:
    match value:
        case model.Ref():
            return {"ref": value.name}
        case model.Splice():
            return {"arguments": True}
        case model.TableSpec():
            return {"table": _pairs(value.entries)}
        case model.Repeat():
            return {"repeat": value.text.decode("latin-1"), "times": value.times}
        case model.Concat():
            return {"concat": _values(value.parts)}
        case model.OfType():
            return {"type": list(value.types)}
        case model.Between():
            return {"between": [_value(value.low), _value(value.high)]}
        case model.Pattern():
            return {"matches": value.regex}
        case model.OneOf():
            return {"one_of": _values(value.choices)}
        case model.Fields():
            return {"fields": _pairs(value.entries)}
        case model.Keyed():
            return {"keyed": _values(value.items)}
        case model.Length():
            return {"length": value.bytes}
        case model.Subtype():
            return {value.name: _value(value.number)}
        case model.ListOf():
            return {"list_of": _value(value.item)}
    raise TypeError(f"cannot export a value of type {type(value).__name__}")
