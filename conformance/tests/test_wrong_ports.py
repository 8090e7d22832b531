"""The specification tells every wrong port from the right one; and a wrong port is wrong only where it says so."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import luasocket_spec
import pytest
from luasocket_conformance import wrong_ports
from luasocket_conformance.wrong_ports import WRONG_PORTS, Right, WrongPort
from luasocket_runners.engine import Engine
from luasocket_runners.ports.python_adapter import Api
from luasocket_runners.result import Verdict
from luasocket_runners.session import select

#: Seconds after which a call counts as hanging. To hang is one way to be wrong, so less patience than usual will do.
DEADLINE = 3.0


@pytest.mark.parametrize("wrong", WRONG_PORTS, ids=lambda wrong: wrong.name)
def test_a_wrong_port_is_caught(wrong: WrongPort) -> None:
    behaviours = luasocket_spec.load().behaviours
    with Engine(wrong.port(), deadline=DEADLINE) as engine:
        for selector in wrong.caught_by:
            chosen, unused = select(behaviours, [selector])
            assert not unused, f"{selector} names no behaviour"
            verdicts = (engine.play(behaviour).verdict for behaviour in chosen if engine.applies(behaviour))
            assert Verdict.FAILED in verdicts, f"nothing in {selector} notices: {wrong.says}"


def test_every_mistake_says_what_it_is() -> None:
    assert all(wrong.says.endswith(".") and wrong.caught_by and wrong.targets for wrong in WRONG_PORTS)


def thing(kind: bytes) -> SimpleNamespace:
    """An object of the toy implementation."""
    return SimpleNamespace(**{"class": kind, "get": lambda _thing: (1,)})


def doubled(right: Right, *args: Any) -> tuple[Any, ...]:
    return tuple(value * 2 for value in right(*args))


@pytest.mark.parametrize(
    ("target", "of_a_client", "of_udp", "of_the_module"),
    [("tcp:get", 2, 1, 1), ("*:get", 2, 2, 1), ("socket.get", 1, 1, 2), ("tcp:set", 1, 1, 1)],
)
def test_a_mistake_is_made_only_in_its_targets(
    toy_api: Callable[..., Api], target: str, of_a_client: int, of_udp: int, of_the_module: int
) -> None:
    api = wrong_ports.WrongApi(toy_api(get=lambda: (1,)), WrongPort("doubled", "Twice.", (target,), doubled, ()))
    module = api.open("luasocket-3")
    client, udp = thing(b"tcp{client}"), thing(b"udp{connected}")
    assert api.index(client, "get")(client) == (of_a_client,)
    assert api.index(udp, "get")(udp) == (of_udp,)
    assert module[b"get"]() == (of_the_module,)
    assert module[b"_VERSION"] == b"Toy 1"
    assert api.index(client, "nothing") is None


def test_without_its_object_a_method_is_right(toy_api: Callable[..., Api]) -> None:
    api = wrong_ports.WrongApi(toy_api(), WrongPort("doubled", "Twice.", ("tcp:get",), doubled, ()))
    get = api.index(thing(b"tcp{client}"), "get")
    assert get(thing(b"udp{connected}")) == (1,)
    with pytest.raises(TypeError, match="missing 1 required"):  # the toy's own way to refuse it
        get()


def test_the_same_function_stays_the_same_value(toy_api: Callable[..., Api]) -> None:
    api = wrong_ports.WrongApi(toy_api(), WrongPort("doubled", "Twice.", ("tcp:get",), doubled, ()))
    client = thing(b"tcp{client}")
    assert api.index(client, "get") is api.index(client, "get")
