"""Selects behaviours by function, by statement, and by words in their rules, hints and values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from luasocket_spec import model

from luasocket_runners import notation
from luasocket_runners.lookup.index import Entry, Index, NotFound, entries
from luasocket_runners.lookup.ranking import Found, Vocabulary, rank
from luasocket_runners.notation import Names

__all__ = ["about", "by_function", "by_statement", "by_words", "statements_with"]

_NO_NAMES: Final = Names({})


def by_function(index: Index, names: Sequence[str]) -> Callable[[model.Behaviour], bool]:
    """Return a predicate for behaviours of any of these functions. Raises :class:`NotFound`."""
    functions = [function for name in names for function in index.functions(name)]
    ids = {behaviour.id for function in functions for behaviour in index.behaviours(function)}
    return lambda behaviour: behaviour.id in ids


def by_statement(index: Index, names: Sequence[str]) -> Callable[[model.Behaviour], bool]:
    """Return a predicate for behaviours that cover any of these statements. Raises :class:`NotFound`."""
    for name in names:
        if name not in index.spec.statements:
            import difflib  # slow to import

            near = difflib.get_close_matches(name, index.spec.statements, n=4)
            hint = f" Near matches: {', '.join(near)}." if near else ""
            raise NotFound(f"No statement has the id {name!r}.{hint}")
    wanted = set(names)
    return lambda behaviour: not wanted.isdisjoint(behaviour.covers)


def by_words(words: Iterable[str]) -> Callable[[model.Behaviour], bool]:
    """Return a predicate for behaviours with each of these words in their rule, hint, situation or values."""
    folded = [word.lower() for word in words]
    return lambda behaviour: all(word in text for word in folded) if (text := _text(behaviour)) else False


def about(index: Index, question: str, vocabulary: Vocabulary) -> Found[Entry]:
    """Return the behaviours with the words of a question in their rules, ids or hints, the best first."""
    texts = (
        (entry, f"{entry.id} {entry.rules[0]}", entry.first.hint or "") for entry in entries(index.spec.behaviours)
    )
    return rank(question, texts, vocabulary)


def statements_with(index: Index, words: Iterable[str]) -> list[model.Statement]:
    """Return the statements of the documentation with each of these words in their id or sentence."""
    folded = [word.lower() for word in words]
    return [
        statement
        for statement in index.spec.statements.values()
        if all(word in f"{statement.id} {statement.says} {statement.waived or ''}".lower() for word in folded)
    ]


def _text(behaviour: model.Behaviour) -> str:
    """Return everything that a behaviour says, in lower case."""
    parts = [behaviour.id, behaviour.about, behaviour.says, behaviour.hint or "", behaviour.situation or ""]
    if behaviour.disagrees is not None:
        parts += [behaviour.disagrees.documented, behaviour.disagrees.observed]
    for step in behaviour.steps:
        if isinstance(step, model.Call):
            parts.append(_call(step))
            parts += (_string(value) for value in step.args)
            for _, outcome in step.expect.by_reading:
                if isinstance(outcome, model.Returns):
                    parts += (_string(value) for value in outcome.values)
                elif isinstance(outcome, model.Raises):
                    parts.append((outcome.part or b"").decode("latin-1"))
    return " ".join(parts).lower()


def _call(step: model.Call) -> str:
    """Return a call in Lua's notation: ``client:receive(0)``."""
    target = step.target
    name = target.path if isinstance(target, model.PathTarget) else target.name
    method = f":{target.method}" if isinstance(target, model.MethodTarget) else ""
    return f"{name}{method}({', '.join(notation.show(argument, _NO_NAMES) for argument in step.args)})"


def _string(value: model.SpecValue) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else ""
