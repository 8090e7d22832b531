"""The values bound to the names of a behaviour, and the part of them that each step can use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from luasocket_spec import model

from luasocket_runners import notation
from luasocket_runners.engine.failure import Failure
from luasocket_runners.notation import Names
from luasocket_runners.scoping import Unbound, full_name, resolve, visible
from luasocket_runners.values import Handle, LuaValue


class Bindings:
    """All names of a running behaviour, fixtures' names with their prefix."""

    def __init__(self, values: dict[str, LuaValue]) -> None:
        self.values = values
        self.names = Names(self.values)

    def scope(self, prefix: str = "") -> Scope:
        """Return the names of the behaviour's own steps, or, with a prefix, those of a fixture's steps."""
        return Scope(self.values, prefix)

    def function_scope(self, params: Mapping[str, LuaValue], args: tuple[LuaValue, ...]) -> Scope:
        """Return the names of a function's steps in one call of it."""
        return Scope(self.values, local=dict(params), splice=args)


class Scope:
    """The names that some steps can use.

    Parameters
    ----------
    values
        All values of the behaviour by their full names.
    prefix
        The prefix of these steps' names; empty outside of fixtures.
    local
        The names inside a call of a function: they hide others, and new names are bound here.
    splice
        All arguments of that call.
    """

    __slots__ = ("_local", "_splice", "_values", "prefix")

    def __init__(
        self,
        values: dict[str, LuaValue],
        prefix: str = "",
        *,
        local: dict[str, LuaValue] | None = None,
        splice: tuple[LuaValue, ...] = (),
    ) -> None:
        self._values = values
        self.prefix = prefix
        self._local = local
        self._splice = splice

    def look_up(self, name: str) -> LuaValue:
        """Return the value bound to a name."""
        if self._local is not None and name in self._local:
            return self._local[name]
        try:
            return self._values[full_name(self.prefix, name)]
        except KeyError:
            raise Unbound(f"nothing is bound to ${name}") from None

    def names(self) -> Names:
        """Return the names by which values are shown."""
        own = visible(self.prefix, self._values)
        return Names(own if self._local is None else {**own, **self._local})

    def bind(self, name: str, value: LuaValue) -> None:
        """Bind a name; inside a function's call it is local to the call."""
        if self._local is not None:
            self._local[name] = value
        else:
            self._values[full_name(self.prefix, name)] = value

    def unbind(self, name: str) -> None:
        """Forget a name."""
        self._values.pop(full_name(self.prefix, name), None)

    def handle(self, name: str) -> Handle:
        """Return the handle bound to a name; raise :class:`Failure` if the port returned something else for it."""
        value = self.look_up(name)
        if isinstance(value, Handle):
            return value
        raise Failure(f"{name} is {notation.show(value, self.names())} instead of an object or a function")

    def target(self, target: model.Target) -> dict[str, Any]:
        """Return the fields of a message that name a call's target."""
        if isinstance(target, model.MethodTarget):
            return {"handle": self.handle(target.name).number, "method": target.method}
        if isinstance(target, model.PathTarget):
            return {"target": target.path}
        return {"handle": self.handle(target.name).number}

    def resolve(self, value: model.SpecValue) -> LuaValue:
        """Return the run-time value of a spec value that is no matcher."""
        return resolve(value, self.look_up)

    def resolve_list(self, values: tuple[model.SpecValue, ...]) -> tuple[LuaValue, ...]:
        """Return run-time values; ``$...`` becomes all arguments of the function."""
        resolved: list[LuaValue] = []
        for value in values:
            if isinstance(value, model.Splice):
                resolved.extend(self._splice)
            else:
                resolved.append(resolve(value, self.look_up))
        return tuple(resolved)
