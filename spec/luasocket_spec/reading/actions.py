"""Reads the actions of peers: the arguments of each, and the peer that is meant.

Carrying them out on sockets is left to the runners.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass
from typing import Final, Literal

from luasocket_spec import model as m
from luasocket_spec.reading.forms import listed
from luasocket_spec.reading.nodes import Mapping, Node, Scalar
from luasocket_spec.reading.problems import nearest
from luasocket_spec.reading.values import NAME, SELF, Scope, ValueReader


@dataclass(frozen=True, slots=True)
class Action:
    """The arguments of an action, and the kind of the peer before and after it."""

    argument: Literal["address", "port", "bytes", "count", "seconds", "true", "word"]
    options: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    makes: str | None = None  #: the kind that the peer has afterwards
    on: tuple[str, ...] = ()  #: the kinds of peers that can do it; empty: it makes a new peer
    bind: Literal["address", "bytes", None] = None
    checks: bool = False  #: whether it fails if the port does something wrong


ACTIONS: Final[dict[str, Action]] = {
    "listen": Action("address", ("backlog", "small_buffers", "apart"), makes="listener", bind="address"),
    "accept": Action("true", makes="connection", on=("listener",)),
    "connect": Action("port", ("to", "small_buffers"), makes="connection", bind="address"),
    "refuse": Action("address", makes="refuser", bind="address"),
    "udp": Action("address", ("apart",), makes="udp", bind="address"),
    "refuse_udp": Action("address", makes="refuser", bind="address"),
    "send": Action("bytes", ("to", "ip"), on=("connection", "udp")),
    "drip": Action("bytes", ("every", "times", "to", "ip"), on=("connection", "udp")),
    "receive": Action("bytes", on=("connection", "udp"), bind="address", checks=True),
    "receive_bytes": Action("count", on=("connection",), bind="bytes", checks=True),
    "drain": Action("true", on=("connection",)),
    "nothing_for": Action("seconds", on=("connection", "udp"), checks=True),
    "expect": Action("word", words=("closed", "reset", "open"), on=("connection",), checks=True),
    "shutdown": Action("word", words=("send", "receive", "both"), on=("connection",)),
    "close": Action("true", makes="closed", on=("listener", "connection", "udp", "refuser")),
    "reset": Action("true", makes="closed", on=("connection",)),
}
#: Kinds of peers in messages: "The peer `x` …".
KINDS: Final = {
    "listener": "listens",
    "connection": "has a connection",
    "udp": "has a UDP socket",
    "refuser": "has a port that refuses",
    "closed": "is closed",
}


def _any(kinds: Iterable[str]) -> str:
    return " or ".join(KINDS[kind] for kind in kinds)


class ActionReader(ValueReader):
    """Reads the actions of peers in a scope."""

    def action(self, node: Node, scope: Scope, *, meanwhile: bool) -> m.PeerAction | None:
        """Read one action, in a step or in `while`; None if the action or its peer is unclear."""
        if not isinstance(node, Mapping):
            self.wrong(node, "A peer's action is a map", "`{send: text}`")
            return None
        keys = [str(key.value) for key, _ in node.pairs.values()]
        verbs = [key for key in keys if key in ACTIONS]
        if "to" in keys and "connect" in keys:
            verbs = ["connect"]
        if len(verbs) != 1:
            hint = next(filter(None, (nearest(key, ACTIONS) for key in keys)), "") if not verbs else ""
            how = f"has {listed(verbs)}" if verbs else "has none"
            self.report(node.line, f"A peer does exactly one of {listed(ACTIONS)}; this one {how}.{hint}")
            return None
        verb = verbs[0]
        action = ACTIONS[verb]
        known = (verb, *action.options, "who", *(("as",) if action.bind else ()))
        found = self.map(node, f"A peer's `{verb}`", known)
        if verb == "drip":
            if not meanwhile:
                self.report(node.line, "`drip` goes on while a call blocks: move it into the `while` of that call.")
            if "every" not in found:
                self.report(node.line, "`drip` lacks the key `every`: add the seconds between two drips.")
        scope.checks = scope.checks or action.checks
        value = self._argument(found[verb], verb, action, scope)
        options = {key: self._option(key, found[key], scope) for key in action.options if key in found}
        who = self._who(node, found.get("who"), verb, action, scope)
        if who is None:
            return None
        self._becomes(node, who, verb, action, options, scope)
        bind = self.name(found["as"], scope, "The name in `as`") if "as" in found else None
        if bind is not None:
            for made in (bind,) if action.bind == "bytes" else (f"{bind}.ip", f"{bind}.port"):
                self.bind(made, scope)
        return m.PeerAction(who, verb, value, options, bind, self.source(node))

    def _argument(self, node: Node, verb: str, action: Action, scope: Scope) -> m.SpecValue:
        what = f"`{verb}`"
        if action.argument == "true":
            return self.yes(node, what)
        if action.argument == "word":
            return (self.word(node, what, action.words) or "").encode()
        if action.argument == "seconds":
            return self.number(node, what, above=0)
        if action.argument == "count":
            if isinstance(node, Scalar) and isinstance(node.value, str) and node.value.startswith("$"):
                return self._scalar_value(node, scope)
            return self.integer(node, what, 1)
        value = self.value(node, scope, expected=False)
        if action.argument == "port":
            self._port(node, value, what)
        elif action.argument == "address":
            if not isinstance(value, (bytes, m.Ref)):
                self.wrong(node, f"{what} is an address", '"127.0.0.1"')
        elif not isinstance(value, (bytes, m.Ref, m.Repeat, m.Concat)):
            self.wrong(node, f"{what} is a string", '"text"')
        return value

    def _port(self, node: Node, value: m.SpecValue, what: str) -> None:
        if isinstance(value, bool) or not isinstance(value, (int, m.Ref)):
            self.wrong(node, f"{what} is a port", "`$server.port`")
        elif isinstance(value, int) and not 0 < value < 65536:
            self.report(node.line, f"{what} is a port, from 1 to 65535, not {value}.")

    def _option(self, key: str, node: Node, scope: Scope) -> m.SpecValue:
        what = f"`{key}`"
        if key in {"small_buffers", "apart"}:
            return self.yes(node, what)
        if key in {"backlog", "times"}:
            return self.integer(node, what, 1)
        if key == "every":
            return self.number(node, what, above=0)
        return self.value(node, scope, expected=False)

    def _who(self, node: Mapping, who: Node | None, verb: str, action: Action, scope: Scope) -> str | None:
        """Resolve which peer acts: the one that is named, or the only one, or, when it is made, the first one."""
        alone = SELF if scope.place == "fixture" else "peer"
        if who is not None:
            name = self.text(who, "`who`")
            if not name:
                return None
            if name in scope.peers:
                return name
            if action.on and scope.unsure:
                return None
            if action.on:
                known = listed(sorted(scope.peers)) if scope.peers else "none has been made"
                hint = nearest(name, sorted(scope.peers)) or f" Peers here: {known}."
                self.report(
                    who.line, f"There is no peer `{name}` yet: have it listen, connect or open a socket first.{hint}"
                )
                return None
            if not NAME.fullmatch(name):
                self.report(who.line, f"`{name}` is not a name for a peer: use letters, digits and `_`.")
                return None
            return name
        if action.on:
            if len(scope.peers) == 1:
                return next(iter(scope.peers))
            if scope.unsure:
                return None
            if scope.peers:
                self.report(node.line, f"Several peers could act: add `who`, one of {listed(sorted(scope.peers))}.")
            else:
                self.report(node.line, f"No peer can `{verb}` yet: have one listen, connect or open a socket first.")
            return None
        if scope.peers:
            self.report(
                node.line,
                f"`{verb}` makes a peer, and there is {listed(sorted(scope.peers))} already:"
                " give the new one a name with `who`.",
            )
            return None
        return alone

    def _becomes(
        self, node: Mapping, who: str, verb: str, action: Action, options: AnyMapping[str, m.SpecValue], scope: Scope
    ) -> None:
        """Check that the peer can do this in its state, and note the state that follows."""
        before = scope.peers.get(who, frozenset())
        if before and action.on and not before & set(action.on):
            state = " and ".join(KINDS[kind] for kind in sorted(before))
            self.report(
                node.line, f"The peer `{who}` {state} here and cannot `{verb}`: that needs one that {_any(action.on)}."
            )
        if verb in {"send", "drip"} and before:
            if before == {"udp"} and "to" not in options:
                self.report(node.line, f"A UDP peer needs an address to `{verb}`: add `to: $port` (and `ip`).")
            if "connection" in before and options.keys() & {"to", "ip"}:
                self.report(node.line, f"A connection needs no address to `{verb}`: remove `to` and `ip`.")
        if action.makes is None:
            scope.peers.setdefault(who, before)
        elif verb == "accept":
            scope.peers[who] = before | {action.makes} if before else before
        else:
            scope.peers[who] = frozenset({action.makes})
