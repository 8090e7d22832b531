"""The mechanism of faulty ports: a mistake is in its targets and nowhere else."""

from types import SimpleNamespace
from typing import Any

import pytest
from luasocket_conformance.faults import FAULTY_PORTS, FaultyPort
from luasocket_conformance.faults.mechanism import ABSENT, Constant, FaultyApi, Original
from luasocket_runners.testing import ToyApi


def an_object(class_name: bytes) -> SimpleNamespace:
    """Return an object of the toy implementation."""
    return SimpleNamespace(**{"class": class_name, "get": lambda _obj: (1,)})


def doubled(original: Original, *args: Any) -> tuple[Any, ...]:
    """Return the results, doubled."""
    return tuple(value * 2 for value in original(*args))


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
def test_only_the_targets_have_the_mistake(target: str, of_a_client: int, of_udp: int, of_the_module: int) -> None:
    api = FaultyApi(ToyApi(get=lambda: (1,)), FaultyPort("doubled", "Twice.", (target,), doubled))
    module = api.open("luasocket-3")
    client, udp = an_object(b"tcp{client}"), an_object(b"udp{connected}")
    assert api.index(client, "get")(client) == (of_a_client,)
    assert api.index(udp, "get")(udp) == (of_udp,)
    assert module[b"get"]() == (of_the_module,)
    assert module[b"_VERSION"] == b"Toy 1"
    assert api.index(client, "nothing") is None


def test_an_absent_function_is_nil() -> None:
    faulty = FaultyPort("gone", "It is missing.", ("tcp:get", "socket.get"), ABSENT)
    api = FaultyApi(ToyApi(get=lambda: (1,)), faulty)
    assert b"get" not in api.open("luasocket-3")
    assert api.index(an_object(b"tcp{client}"), "get") is None
    assert api.index(an_object(b"udp{connected}"), "get") is not None


def test_a_constant_replaces_a_field() -> None:
    api = FaultyApi(ToyApi(), FaultyPort("old", "It is old.", ("socket._VERSION",), Constant(b"Toy 0")))
    assert api.open("luasocket-3")[b"_VERSION"] == b"Toy 0"


def test_a_mistake_can_call_the_original_module() -> None:
    api = FaultyApi(
        ToyApi(get=lambda: (1,), other=lambda: (2,)),
        FaultyPort("other", "Another.", ("socket.get",), lambda original: original.call("other")),
    )
    assert api.open("luasocket-3")[b"get"]() == (2,)


def test_a_method_without_its_object_has_no_mistake() -> None:
    api = FaultyApi(ToyApi(), FaultyPort("doubled", "Twice.", ("tcp:get",), doubled))
    get = api.index(an_object(b"tcp{client}"), "get")
    assert get(an_object(b"udp{connected}")) == (1,)
    with pytest.raises(TypeError, match="missing 1 required"):  # the toy's own way to refuse it
        get()


def test_a_mistake_in_a_field_and_in_tostring() -> None:
    def shout(original: Original, obj: Any) -> tuple[Any, ...]:
        return (original(obj)[0].upper(),)

    api = FaultyApi(ToyApi(), FaultyPort("loud", "Loud.", ("tcp:class", "tcp:tostring"), shout))
    client, udp = an_object(b"tcp{client}"), an_object(b"udp{connected}")
    assert (api.index(client, "class"), api.index(udp, "class")) == (b"TCP{CLIENT}", b"udp{connected}")
    assert api.tostring(client).startswith(b"NAMESPACE")
    assert api.tostring(udp).startswith(b"namespace")
    assert api.index(client, "nothing") is None


def test_a_method_with_a_mistake_is_the_same_value_each_time() -> None:
    api = FaultyApi(ToyApi(), FaultyPort("doubled", "Twice.", ("tcp:get",), doubled))
    client = an_object(b"tcp{client}")
    assert api.index(client, "get") is api.index(client, "get")


def test_every_faulty_port_has_a_sentence_and_targets() -> None:
    assert all(faulty.says.endswith(".") and faulty.targets for faulty in FAULTY_PORTS)
