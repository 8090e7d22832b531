"""Selectors: ids, beginnings of ids and patterns."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from luasocket_runners.selection import names, select
from luasocket_spec.model import Behaviour

MANY = "".join(f"  - {{id: n{number}, steps: [{{call: socket.one, returns: [1]}}]}}\n" for number in range(40))


@pytest.mark.parametrize(
    ("selector", "identity", "named"),
    [
        ("tcp", "tcp/receive/x", True), ("tcp/", "tcp/receive/x", True), ("tcp/rec", "tcp/receive/x", False),
        ("tcp/receive/x", "tcp/receive/x", True), ("tcp/receive/x", "tcp/receive/x/case", True),
        ("*timeout*", "tcp/receive/timeout", True), ("tcp/*/x", "tcp/receive/x", True), ("TCP", "tcp/x", False),
        ("tcp/[ab]", "tcp/b", True), ("t?p/b", "tcp/b", True), ("udp", "tcp/udp", False),
    ],
)  # fmt: skip
def test_selectors(selector: str, identity: str, named: bool) -> None:
    assert names(selector, identity) is named


def test_a_selection_is_in_the_order_of_the_spec(behaviours: Callable[[str], list[Behaviour]]) -> None:
    everything = behaviours(MANY)
    chosen, unused = select(everything, ["test/n7", "nothing", "test/n1?", "test/n7", "none"])
    assert [behaviour.id for behaviour in chosen] == ["test/n7", *(f"test/n{number}" for number in range(10, 20))]
    assert unused == ["nothing", "none"]
    assert select(everything, []) == (everything, [])
