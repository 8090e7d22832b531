"""The tables of options agree with each other and with the dialects."""

import pytest
from luasocket_reference import DIALECTS
from luasocket_reference.options import TCP_GET, TCP_SET, UDP_GET, UDP_SET

TABLES = {"set tcp": TCP_SET, "get tcp": TCP_GET, "set udp": UDP_SET, "get udp": UDP_GET}


@pytest.mark.parametrize(("setting", "getting"), [(TCP_SET, TCP_GET), (UDP_SET, UDP_GET)])
def test_what_is_set_is_what_is_got(setting, getting):
    for name in set(setting) & set(getting):
        assert setting[name][1:] == getting[name][1:], name


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=list(DIALECTS))
def test_what_is_absent_would_be_there(dialect):
    for table, absent in dialect.absent_options.items():
        assert absent & set(TABLES[table])
    assert {name for absent in dialect.absent_options.values() for name in absent} <= {
        name for table in TABLES.values() for name in table
    }
