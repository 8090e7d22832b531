"""The tables of options agree with each other and with the dialects."""

import pytest
from luasocket_reference import DIALECTS
from luasocket_reference.options import OPTIONS


@pytest.mark.parametrize("kind", ["tcp", "udp"])
def test_an_option_is_returned_as_it_was_set(kind):
    setting, getting = OPTIONS[f"set {kind}"], OPTIONS[f"get {kind}"]
    for name in set(setting) & set(getting):
        assert setting[name][1:] == getting[name][1:], name


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=list(DIALECTS))
def test_absent_options_are_options_of_another_dialect(dialect):
    for table, absent in dialect.absent_options.items():
        assert absent & set(OPTIONS[table])
    assert {name for absent in dialect.absent_options.values() for name in absent} <= {
        name for table in OPTIONS.values() for name in table
    }
