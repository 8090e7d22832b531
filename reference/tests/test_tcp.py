"""Each method in the tables of classes exists and has a docstring."""

import pytest
from luasocket_reference.auxiliar import GROUPS, Method
from luasocket_reference.tcp import Tcp
from luasocket_reference.udp import Udp


@pytest.mark.parametrize("kind", [Tcp, Udp])
def test_the_table_is_the_class(kind):
    assert {name for name in dir(kind) if isinstance(getattr(kind, name), Method)} == set(kind.CLASSES)
    assert all(getattr(kind, name).__doc__ for name in kind.CLASSES)


@pytest.mark.parametrize("kind", [Tcp, Udp])
def test_classes_are_known(kind):
    classes = {name for group in GROUPS.values() for name in group}
    assert set(kind.CLASSES.values()) <= classes | set(GROUPS)
