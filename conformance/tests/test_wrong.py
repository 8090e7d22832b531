"""How a wrong port is made: a mistake is made in its targets and nowhere else."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from luasocket_conformance.wrong import WRONG_PORTS, Constant, Right, WrongApi, WrongPort
from luasocket_conformance.wrong.mechanism import ABSENT
from luasocket_runners.ports.python_adapter import Api


def thing(kind: bytes) -> SimpleNamespace:
    """An object of the toy implementation."""
    return SimpleNamespace(**{"class": kind, "get": lambda _thing: (1,)})


def doubled(right: Right, *args: Any) -> tuple[Any, ...]:
    return tuple(value * 2 for value in right(*args))


@pytest.mark.parametrize(
    ("target", "of_a_client", "of_udp", "of_the_module"),
    [
        ("tcp:get", 2, 1, 1),
        ("tcp{client}:get", 2, 1, 1),
        ("tcp{server}:get", 1, 1, 1),
        ("*:get", 2, 2, 1),
        ("socket.get", 1, 1, 2),
        ("tcp:set", 1, 1, 1),
    ],
)
def test_a_mistake_is_made_only_in_its_targets(
    toy_api: Callable[..., Api], target: str, of_a_client: int, of_udp: int, of_the_module: int
) -> None:
    api = WrongApi(toy_api(get=lambda: (1,)), WrongPort("doubled", "Twice.", (target,), doubled))
    module = api.open("luasocket-3")
    client, udp = thing(b"tcp{client}"), thing(b"udp{connected}")
    assert api.index(client, "get")(client) == (of_a_client,)
    assert api.index(udp, "get")(udp) == (of_udp,)
    assert module[b"get"]() == (of_the_module,)
    assert module[b"_VERSION"] == b"Toy 1"
    assert api.index(client, "nothing") is None


def test_what_is_absent(toy_api: Callable[..., Api]) -> None:
    api = WrongApi(toy_api(get=lambda: (1,)), WrongPort("gone", "It is gone.", ("tcp:get", "socket.get"), ABSENT))
    assert b"get" not in api.open("luasocket-3")
    assert api.index(thing(b"tcp{client}"), "get") is None
    assert api.index(thing(b"udp{connected}"), "get") is not None


def test_a_constant(toy_api: Callable[..., Api]) -> None:
    api = WrongApi(toy_api(), WrongPort("old", "It is old.", ("socket._VERSION",), Constant(b"Toy 0")))
    assert api.open("luasocket-3")[b"_VERSION"] == b"Toy 0"


def test_a_mistake_sees_the_right_module(toy_api: Callable[..., Api]) -> None:
    api = WrongApi(
        toy_api(get=lambda: (1,), other=lambda: (2,)),
        WrongPort("other", "The other.", ("socket.get",), lambda right: right.module[b"other"]()),
    )
    assert api.open("luasocket-3")[b"get"]() == (2,)


def test_without_its_object_a_method_is_right(toy_api: Callable[..., Api]) -> None:
    api = WrongApi(toy_api(), WrongPort("doubled", "Twice.", ("tcp:get",), doubled))
    get = api.index(thing(b"tcp{client}"), "get")
    assert get(thing(b"udp{connected}")) == (1,)
    with pytest.raises(TypeError, match="missing 1 required"):  # the toy's own way to refuse it
        get()


def test_a_field_and_how_an_object_looks(toy_api: Callable[..., Api]) -> None:
    shout = lambda right, thing: (right(thing)[0].upper(),)  # noqa: E731  # as mistakes mostly are
    api = WrongApi(toy_api(), WrongPort("loud", "Loud.", ("tcp:class", "tcp:tostring"), shout))
    client, udp = thing(b"tcp{client}"), thing(b"udp{connected}")
    assert (api.index(client, "class"), api.index(udp, "class")) == (b"TCP{CLIENT}", b"udp{connected}")
    assert api.tostring(client).startswith(b"NAMESPACE")
    assert api.tostring(udp).startswith(b"namespace")
    assert api.index(client, "nothing") is None


def test_the_same_function_stays_the_same_value(toy_api: Callable[..., Api]) -> None:
    api = WrongApi(toy_api(), WrongPort("doubled", "Twice.", ("tcp:get",), doubled))
    client = thing(b"tcp{client}")
    assert api.index(client, "get") is api.index(client, "get")


def test_every_mistake_says_what_it_is() -> None:
    assert all(wrong.says.endswith(".") and wrong.subject and wrong.targets for wrong in WRONG_PORTS)
