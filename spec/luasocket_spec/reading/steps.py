"""Reads steps, their expected outcomes for each reading, and functions.

Values are left to ``values``, the actions of peers to ``actions``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypeAlias

from luasocket_spec import model as m
from luasocket_spec.reading.actions import ActionReader
from luasocket_spec.reading.forms import listed
from luasocket_spec.reading.nodes import Mapping, Node, Scalar, Sequence
from luasocket_spec.reading.problems import nearest
from luasocket_spec.reading.values import DOTTED, Scope

#: Lua's own functions that a step may call, beside those of the module.
LUA_FUNCTIONS: Final = ("tostring", "type", "rawequal", "coroutine.wrap", "coroutine.yield")
_METHOD: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*):([A-Za-z_][A-Za-z0-9_]*)")
_VERBS: Final = ("call", "get", "set", "make", "drop", "called", "system", "peer")
_OUTCOMES: Final = ("returns", "raises", "succeeds")


class StepReader(ActionReader):
    """Reads steps in order; each may use the names that earlier ones have bound."""

    # -- outcomes

    def _outcomes(self, node: Node, reading: m.Reading, scope: Scope) -> list[tuple[m.Reading, m.Outcome]]:
        """Read the value of `returns`: a list, `{raises: …}`, or a map of readings to those."""
        if isinstance(node, Sequence):
            return [(reading, m.Returns(self.arguments(node, scope, "`returns`", expected=True)))]
        if not isinstance(node, Mapping):
            self.wrong(node, "`returns` is a list of results", "`[1]`")
            return []
        if [key.value for key, _ in node.pairs.values()] == ["raises"]:
            return [(reading, self._raises(node.pairs["raises"][1], scope))]
        return self._readings(node, reading, scope, self._outcomes)

    def _values_read(self, node: Node, reading: m.Reading, scope: Scope) -> list[tuple[m.Reading, m.Outcome]]:
        """Read the value of `is`: a value, or a map of readings to values."""
        if isinstance(node, Mapping) and any(key.value in _READINGS for key, _ in node.pairs.values()):
            return self._readings(node, reading, scope, self._values_read)
        return [(reading, m.Returns((self.value(node, scope, expected=True),)))]

    def _readings(
        self, node: Mapping, reading: m.Reading, scope: Scope, leaf: _Leaf
    ) -> list[tuple[m.Reading, m.Outcome]]:
        """Read a map of readings, which has an entry for each dialect or for each authority."""
        found = self.map(node, "A map of readings", (*_READINGS, "raises"))
        axes = [axis for axis, names in _AXES.items() if any(name in found for name in names)]
        if len(axes) != 1 or "raises" in found:
            if found:
                self.report(
                    node.line,
                    "A map of readings has either `defold` and `luasocket-3`, or `documented` and `observed`:"
                    " nest one in the other.",
                )
            return []
        axis = axes[0]
        if getattr(reading, axis) is not None:
            self.report(node.line, f"The map around this one distinguishes the {axis} already: write one of the two.")
            return []
        missing = [name for name in _AXES[axis] if name not in found]
        if axis == "dialect" and len(scope.dialects) == 1:
            self.report(node.line, f"This is for `{scope.dialects[0]}` only (`dialects`): write its results alone.")
        elif missing:
            self.report(node.line, f"A map of readings lacks the reading `{missing[0]}`: add it.")
        if axis == "authority":
            scope.forked = True
        outcomes = []
        for name, inner in found.items():
            outcomes.extend(leaf(inner, replace(reading, **{axis: name}), scope))  # type: ignore[arg-type]
        return outcomes

    def _raises(self, node: Node, scope: Scope) -> m.Raises:
        """Read a text that the message contains, or `{value: V}`."""
        if isinstance(node, Mapping):
            found = self.map(node, "`raises`", ("value",), ("value",))
            return m.Raises(None, self.value(found["value"], scope, expected=True) if found else None)
        text = self.text(node, "`raises`")
        return m.Raises(self.encoded(node, text) if isinstance(node, Scalar) else b"")

    def _expectation(self, node: Node, found: dict[str, Node], scope: Scope) -> m.Expectation:
        """Read `returns`, `raises` or `succeeds`, of which a call has one."""
        present = [key for key in _OUTCOMES if key in found]
        if len(present) != 1:
            how = f"has {listed(present)}" if present else "has none"
            self.report(node.line, f"A call has exactly one of {listed(_OUTCOMES)}; this one {how}.")
        outcomes: list[tuple[m.Reading, m.Outcome]] = []
        if "returns" in found:
            outcomes = self._outcomes(found["returns"], m.Reading(), scope)
        if "raises" in found:
            outcomes = [(m.Reading(), self._raises(found["raises"], scope))]
        if "succeeds" in found:
            self.yes(found["succeeds"], "`succeeds`")
            outcomes = [(m.Reading(), m.Succeeds())]
        if present != ["succeeds"]:
            scope.checks = True
        return m.Expectation(tuple(outcomes))

    # -- steps

    def steps(self, node: Node, scope: Scope) -> tuple[m.Step, ...]:
        """Read a list of steps."""
        items = self.items(node, "`steps`", "- call: …")
        if not items and isinstance(node, Sequence):
            self.report(node.line, "There are no steps: write at least one.")
        found: list[m.Step] = []
        for item in items:
            step = self._step(item, scope)
            if step is None:
                scope.unsure = True
            else:
                found.append(step)
        return tuple(found)

    def _step(self, node: Node, scope: Scope) -> m.Step | None:
        if not isinstance(node, Mapping):
            self.wrong(node, "A step is a map", "`{call: socket.tcp, returns: […]}`")
            return None
        keys = [str(key.value) for key, _ in node.pairs.values()]
        verbs = [key for key in keys if key in _VERBS]
        if len(verbs) != 1:
            hint = next(filter(None, (nearest(key, _VERBS) for key in keys)), "") if not verbs else ""
            how = f"has {listed(verbs)}" if verbs else "has none"
            self.report(node.line, f"A step has exactly one verb of {listed(_VERBS)}; this one {how}.{hint}")
            return None
        return _STEPS[verbs[0]](self, node, scope)

    def _call(self, node: Mapping, scope: Scope) -> m.Step | None:
        found = self.map(node, "A call", ("call", "with", "while", *_OUTCOMES, "as", "keep", "takes"))
        target = self._target(found["call"], scope)
        args = self.arguments(found["with"], scope, "`with`", expected=False) if "with" in found else ()
        # in this order at run time: peers act while the call blocks, then the results are compared and bound
        meanwhile = self._meanwhile(found["while"], scope) if "while" in found else ()
        expect = self._expectation(node, found, scope)
        takes = self._takes(found["takes"], scope) if "takes" in found else _NO_BOUNDS
        binds = self._binds(found["as"], scope, expect) if "as" in found else ()
        keep = "keep" in found and self._keeps(found, node, scope)
        if target is None:
            return None
        return m.Call(target, args, expect, binds, takes, meanwhile, self.source(node), keep)

    def _keeps(self, found: dict[str, Node], node: Mapping, scope: Scope) -> bool:
        self.yes(found["keep"], "`keep`")
        if "as" not in found or "succeeds" not in found:
            self.report(node.line, "A call with `keep` has `succeeds: true` and `as`, whose names are the tables.")
        if scope.keeps is None:
            scope.keeps = node.line
        return True

    def _target(self, node: Node, scope: Scope) -> m.Target | None:
        text = self.text(node, "`call`")
        if not isinstance(node, Scalar) or not text:
            return None
        if text.startswith("$"):
            self._scalar_value(node, scope)
            return m.ValueTarget(text[1:])
        method = _METHOD.fullmatch(text)
        if method:
            self.bound(node, method[1], scope, written=method[1])
            return m.MethodTarget(method[1], method[2])
        if text in LUA_FUNCTIONS or (text.startswith("socket.") and DOTTED.fullmatch(text)):
            return m.PathTarget(text)
        hint = nearest(text, LUA_FUNCTIONS) or (
            f" Did you mean `${text}`?" if text in scope.names | scope.functions else ""
        )
        self.report(
            node.line,
            f"`{text}` cannot be called: write `name:method`, `socket.function`, `$name`,"
            f" or one of {listed(LUA_FUNCTIONS)}.{hint}",
        )
        return None

    def _takes(self, node: Node, scope: Scope) -> m.Takes:
        scope.checks = True
        found = self.map(node, "`takes`", ("at_least", "at_most"), example="{at_least: 0.05}")
        low = self.number(found["at_least"], "`at_least`") if "at_least" in found else None
        high = self.number(found["at_most"], "`at_most`") if "at_most" in found else None
        if low is not None and high is not None and low > high:
            self.report(node.line, f"Nothing takes at least {low:g} and at most {high:g} seconds: correct one of them.")
        if not found and isinstance(node, Mapping) and not node.pairs:
            self.report(node.line, "`takes` has no bound: write `at_least` or `at_most`, in seconds.")
        return m.Takes(low, high)

    def _meanwhile(self, node: Node, scope: Scope) -> tuple[m.While, ...]:
        moments: list[m.While] = []
        for item in self.items(node, "`while`", "- {after: 0.05, peer: {…}}"):
            found = self.map(
                item, "An entry of `while`", ("after", "peer", "interrupt"), ("after",), "{after: 0.05, peer: {…}}"
            )
            after = self.number(found["after"], "`after`") if "after" in found else 0.0
            if moments and after < moments[-1].after:
                self.report(
                    item.line,
                    f"This is due after {after:g} s, before the entry above it: put them in the order of time.",
                )
            action = self._happens(item, found, scope)
            if action is not None:
                moments.append(m.While(after, action))
        return tuple(moments)

    def _happens(self, item: Node, found: dict[str, Node], scope: Scope) -> m.PeerAction | m.Interruption | None:
        """Read what happens at a moment of `while`: `peer` or `interrupt`."""
        if found and ("peer" in found) == ("interrupt" in found):
            self.report(item.line, "An entry of `while` has either `peer` or `interrupt`: write one of them.")
            return None
        if "interrupt" in found:
            self.yes(found["interrupt"], "`interrupt`")
            if scope.interrupts is None:
                scope.interrupts = item.line
            return m.Interruption(self.source(item))
        return self.action(found["peer"], scope, meanwhile=True) if "peer" in found else None

    def _binds(self, node: Node, scope: Scope, expect: m.Expectation) -> tuple[str | None, ...]:
        items = node.items if isinstance(node, Sequence) else [node]
        binds: list[str | None] = []
        for item in items:
            if isinstance(item, Scalar) and item.value is None and isinstance(node, Sequence):
                binds.append(None)
                continue
            name = self.name(item, scope, "The name in `as`")
            if name is not None:
                self.bind(name, scope)
            binds.append(name)
        returned = [
            len(outcome.values) if isinstance(outcome, m.Returns) else 1  # a raised error has one value
            for _, outcome in expect.by_reading
            if not isinstance(outcome, m.Succeeds)
        ]
        succeeds = any(isinstance(outcome, m.Succeeds) for _, outcome in expect.by_reading)
        spliced = any(
            isinstance(value, m.Splice)
            for _, outcome in expect.by_reading
            if isinstance(outcome, m.Returns)
            for value in outcome.values
        )
        if expect.by_reading and not succeeds and not spliced and len(binds) > max(returned, default=0):
            self.report(
                node.line, f"`as` binds {len(binds)} results of {max(returned, default=0)}: remove the extra names."
            )
        return tuple(binds)

    def _get(self, node: Mapping, scope: Scope) -> m.Step | None:
        found = self.map(node, "A step with `get`", ("get", "is", "as"))
        if "is" not in found and "as" not in found:
            self.report(node.line, "A step with `get` lacks `is` (what is expected) or `as` (a name): add one.")
        expect = m.Expectation(((m.Reading(), m.Succeeds()),))
        if "is" in found:
            scope.checks = True
            expect = m.Expectation(tuple(self._values_read(found["is"], m.Reading(), scope)))
        path = self.text(found["get"], "`get`")
        bind = self.name(found["as"], scope, "The name in `as`") if "as" in found else None
        place: tuple[str | None, str] | None = None
        if path.startswith("socket.") and DOTTED.fullmatch(path):
            place = None, path
        elif path and isinstance(found["get"], Scalar):
            name, _, attribute = path.rpartition(".")
            if not attribute or not name or not DOTTED.fullmatch(path):
                self.report(found["get"].line, f"`{path}` is not a field: write `name.field` or `socket.field`.")
            else:
                self.bound(found["get"], name, scope, written=name)
                place = name, attribute
        if bind is not None:
            self.bind(bind, scope)
        return None if place is None else m.Get(*place, expect, bind, self.source(node))

    def _set(self, node: Mapping, scope: Scope) -> m.Step | None:
        found = self.map(node, "A step with `set`", ("set", "to"), ("to",))
        path = self.text(found["set"], "`set`")
        if path and not (path.startswith("socket.") and DOTTED.fullmatch(path)):
            self.report(
                found["set"].line, f"`{path}` cannot be written: only fields of the module can, as `socket.BLOCKSIZE`."
            )
        value = self.value(found["to"], scope, expected=False) if "to" in found else None
        return m.Set(path, value, self.source(node))

    def _make(self, node: Mapping, scope: Scope) -> m.Step | None:
        found = self.map(node, "A step with `make`", ("make", "of", "calls", "inherits"), ("of",))
        value = self.value(found["of"], scope, expected=False) if "of" in found else m.TableSpec(())
        if not isinstance(value, m.TableSpec):
            self.wrong(found["of"], "`make` builds a table", "`of: {table: {name: value}}`")
        calls = self.value(found["calls"], scope, expected=False) if "calls" in found else None
        if "calls" in found:
            scope.calls = node.line if scope.calls is None else scope.calls
            if not (isinstance(calls, m.Ref) and calls.name in scope.functions):
                self.wrong(found["calls"], "`calls` is one of `functions`", "`calls: $fin`")
        inherits = self.value(found["inherits"], scope, expected=False) if "inherits" in found else None
        if "inherits" in found:
            scope.inherits = node.line if scope.inherits is None else scope.inherits
            if not isinstance(inherits, (m.Ref, m.TableSpec)):
                right = "`inherits` is a table, a name or one of `functions`"
                self.wrong(found["inherits"], right, "`inherits: $class`")
            if "calls" in found:
                self.report(node.line, "A table has either `calls` or `inherits`: make two tables.")
        name = self.name(found["make"], scope, "The name in `make`")
        if name is None:
            return None
        self.bind(name, scope)
        return m.Make(name, value, self.source(node), calls, inherits)

    def _drop(self, node: Mapping, scope: Scope) -> m.Step | None:
        found = self.map(node, "A step with `drop`", ("drop",))
        names = []
        for item in self.items(found["drop"], "`drop`", "[client]"):
            name = self.text(item, "A name in `drop`")
            if name and isinstance(item, Scalar):
                self.bound(item, name, scope, written=name)
                scope.names.discard(name)
                names.append(name)
        if not names and isinstance(found["drop"], Sequence) and not found["drop"].items:
            self.report(node.line, "`drop` names no handle: write those that are to be dropped.")
        return m.Drop(tuple(names), self.source(node))

    def _called(self, node: Mapping, scope: Scope) -> m.Step | None:
        scope.checks = True
        found = self.map(node, "A step with `called`", ("called", "times", "with"))
        function = self.text(found["called"], "`called`")
        if function and function not in scope.functions:
            hint = nearest(function, sorted(scope.functions))
            self.report(found["called"].line, f"`{function}` is not in `functions`: add it there.{hint}")
        args: tuple[tuple[m.SpecValue, ...], ...] | None = None
        if "with" in found:
            args = tuple(
                self.arguments(item, scope, "The arguments of one call", expected=True)
                for item in self.items(found["with"], "`with`", "[[first, call], [second, call]]")
            )
        if "times" in found:
            times = self.integer(found["times"], "`times`")
            if args is not None and times != len(args):
                self.report(
                    node.line,
                    f"`times` says {times}, but `with` has the arguments of {len(args)} calls: correct one of them.",
                )
        elif args is not None:
            times = len(args)
        else:
            self.report(node.line, "A step with `called` lacks `times` or `with`: say how often.")
            times = 0
        return m.Called(function, times, args, self.source(node))

    def _system(self, node: Mapping, scope: Scope) -> m.Step | None:
        scope.checks = True
        if scope.inspects is None:
            scope.inspects = node.line
        keys = ("system", "option", "is")
        found = self.map(node, "A step with `system`", keys, keys, "{system: client, option: TCP_NODELAY, is: 1}")
        name = self.text(found["system"], "`system`")
        if name and isinstance(found["system"], Scalar):
            self.bound(found["system"], name, scope, written=name)
        option = self.word(found["option"], "`option`", m.SYSTEM_OPTIONS) if "option" in found else None
        expect = m.Expectation(tuple(self._values_read(found["is"], m.Reading(), scope)) if "is" in found else ())
        return None if option is None else m.System(name, option, expect, self.source(node))

    def _peer(self, node: Mapping, scope: Scope) -> m.Step | None:
        who = node.pairs.get("who")
        if who is not None:
            self.report(who[0].line, "`who` belongs in the peer's action: write {peer: {…, who: NAME}}.")
        found = self.map(node, "A step with `peer`", ("peer", "who"))
        action = self.action(found["peer"], scope, meanwhile=False)
        return None if action is None else m.PeerStep(action, self.source(node))

    # -- functions

    def functions(self, node: Node, scope: Scope) -> dict[str, m.Function]:
        """Read `functions`. The port calls them later, so they may use any name that the behaviour binds."""
        found: dict[str, m.Function] = {}
        for name, key, body in self.named(node, "`functions`", "finalizer: {}"):
            entries = self.map(
                body, f"The function `{name}`", ("params", "does", "returns", "raises"), example="{returns: [1]}"
            )
            if "returns" in entries and "raises" in entries:
                self.report(body.line, f"The function `{name}` either returns or raises: remove one of the two.")
            inner = replace(
                scope,
                place="function",
                names=set(scope.bound),
                bound=set(),
                peers=dict.fromkeys(scope.peers, frozenset()),
            )
            params = []
            for item in self.items(entries["params"], "`params`") if "params" in entries else ():
                param = self.name(item, scope, "A parameter")
                if param is not None:
                    params.append(param)
                    inner.names.add(param)
            does = self.steps(entries["does"], inner) if "does" in entries else ()
            returns = (
                self.arguments(entries["returns"], inner, "`returns`", expected=False) if "returns" in entries else ()
            )
            raises = (self.value(entries["raises"], inner, expected=False),) if "raises" in entries else ()
            scope.checks = scope.checks or inner.checks
            scope.inspects = inner.inspects if scope.inspects is None else scope.inspects
            scope.keeps = inner.keeps if scope.keeps is None else scope.keeps
            scope.interrupts = inner.interrupts if scope.interrupts is None else scope.interrupts
            scope.calls = inner.calls if scope.calls is None else scope.calls
            scope.inherits = inner.inherits if scope.inherits is None else scope.inherits
            scope.subtypes = inner.subtypes if scope.subtypes is None else scope.subtypes
            scope.forked = scope.forked or inner.forked
            found[name] = m.Function(name, tuple(params), does, returns, raises, self.source(key))
        return found


_Leaf: TypeAlias = Callable[[Node, m.Reading, Scope], list[tuple[m.Reading, m.Outcome]]]
_AXES: Final[dict[str, tuple[str, ...]]] = {"dialect": m.DIALECTS, "authority": m.AUTHORITIES}
_READINGS: Final = (*m.DIALECTS, *m.AUTHORITIES)
_NO_BOUNDS: Final = m.Takes()
_STEPS: Final[dict[str, Callable[[StepReader, Mapping, Scope], m.Step | None]]] = {
    verb: getattr(StepReader, f"_{verb}") for verb in _VERBS
}
