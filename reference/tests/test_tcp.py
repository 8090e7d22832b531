"""Every method of the tables is there, and each has a docstring."""

import pytest
from luasocket_reference import tcp, udp
from luasocket_reference.auxiliar import GROUPS, Method


@pytest.mark.parametrize(("kind", "methods"), [(tcp.Tcp, tcp.METHODS), (udp.Udp, udp.METHODS)])
def test_the_table_is_the_class(kind, methods):
    assert {name for name, value in vars(kind).items() if isinstance(value, Method)} == set(methods)
    assert all(vars(kind)[name].__doc__ for name in methods)


@pytest.mark.parametrize("methods", [tcp.METHODS, udp.METHODS])
def test_classes_are_known(methods):
    classes = {name for group in GROUPS.values() for name in group}
    assert set(methods.values()) <= classes | set(GROUPS)
