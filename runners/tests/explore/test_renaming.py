"""The names of a shortened program are numbered from 1 on."""

from luasocket_runners.explore.renaming import renumbered
from luasocket_runners.explore.steps import Call, Drop, Function, Get, Make, PeerAct
from luasocket_spec.model import Ref, TableSpec


def test_names_are_numbered_in_the_order_in_which_they_come() -> None:
    getfd, dirty = Function("table4_getfd", asks=("tcp8", "getfd")), Function("f9", (Ref("tcp3"), 1))
    steps = (
        PeerAct("peer5", "listen", b"::1", bind="peer5"),
        Call(None, "socket.tcp", (), ("tcp8",)),
        Call("tcp8", "connect", (Ref("peer5.ip"), Ref("peer5.port"))),
        Call(None, "socket.tcp", (), ("tcp3",)),
        Call("tcp3", "getsockname", (), ("tcp3_ip", None)),
        Make("table4", TableSpec(((b"getfd", Ref("table4_getfd")),)), (getfd,)),
        Make("table7", TableSpec(()), (), TableSpec(((1, Ref("tcp3")), (2, Ref("table4"))))),
        Get(None, "socket.try", "try"),
        Get("tcp3", "class"),
        Call(None, "socket.protect", (Ref("f9"), 7, b"tcp8"), ("g2",), (dirty,)),
        Call("g2", ""),
        Drop("tcp8"),
    )
    assert renumbered(steps) == (
        PeerAct("peer1", "listen", b"::1", bind="peer1"),
        Call(None, "socket.tcp", (), ("tcp1",)),
        Call("tcp1", "connect", (Ref("peer1.ip"), Ref("peer1.port"))),
        Call(None, "socket.tcp", (), ("tcp2",)),
        Call("tcp2", "getsockname", (), ("tcp2_ip", None)),
        Make(
            "table1", TableSpec(((b"getfd", Ref("table1_getfd")),)), (Function("table1_getfd", asks=("tcp1", "getfd")),)
        ),
        Make("table2", TableSpec(()), (), TableSpec(((1, Ref("tcp2")), (2, Ref("table1"))))),
        Get(None, "socket.try", "try"),
        Get("tcp2", "class"),
        Call(None, "socket.protect", (Ref("f1"), 7, b"tcp8"), ("g1",), (Function("f1", (Ref("tcp2"), 1)),)),
        Call("g1", ""),
        Drop("tcp1"),
    )
