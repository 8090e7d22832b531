"""The rules of level 0, what no rule judges, and the tolerances that the rules share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from luasocket_runners.judge.finding import Rule

__all__ = ["LATE", "RULES", "SLACK", "UNJUDGED"]

#: Seconds by which a wait may be shorter than asked for: clocks are read before and after the call, and rounded.
SLACK: Final = 0.005

#: Seconds by which something may be late before a remark says so.
LATE: Final = 1.5

#: The rules of level 0, by a name for the modules that apply them.
RULES: Final[Mapping[str, Rule]] = {
    "raises": Rule("A method of another class and a bad argument raise an error; all else is returned."),
    "receive-shape": Rule(
        "receive returns data, nil, nil, or nil, a message, and the partial result as a string.",
        ("client:receive/data", "client:receive/no-error", "client:receive/partial", "client:receive/partial-empty"),
    ),
    "receive-prefix": Rule("The prefix begins the result, whole or partial.", ("client:receive/prefix",)),
    "receive-number": Rule(
        "receive(n) returns exactly n bytes, the prefix included; a partial result has fewer.",
        ("client:receive/number",),
    ),
    "receive-line": Rule(
        "A line has neither its line feed nor any carriage return.",
        ("client:receive/line", "client:receive/line-end-dropped", "client:receive/line-cr-dropped"),
    ),
    "closed": Rule(
        'A closed object sends nothing, and receives nothing but what its buffer holds; the message is "closed".',
        ("client:receive/closed", "client:send/closed"),
    ),
    "send-shape": Rule(
        "send returns the index of the last byte sent, nil, nil, or nil, a message, and that index.",
        ("client:send/index", "client:send/no-error", "client:send/last-index"),
    ),
    "send-index": Rule(
        "After a success the index is that of the last byte that was asked for; after a failure it is before it.",
        ("client:send/total", "client:send/range", "client:send/last-index"),
    ),
    "accept-shape": Rule("accept returns a client, or nil and a message.", ("server:accept/client",)),
    "accept-closed": Rule('accept says "closed" for a closed server only.', ("server:accept/error",)),
    "status": Rule("The function returns 1, or nil and a message."),
    "one": Rule("The function returns 1."),
    "connect-class": Rule(
        "connect makes a client of a master, whether it succeeds or not.", ("master:connect/becomes-client",)
    ),
    "listen-class": Rule("listen makes a server of a master.", ("master:listen/becomes-server",)),
    "new": Rule("The function returns a new object of its class, or nil and a message."),
    "timeout-unset": Rule("Without a timeout no call times out.", ("client:settimeout/default-receive",)),
    "timeout-least": Rule(
        "A call times out when its time is over, not before.",
        ("client:settimeout/limits-receive", "client:settimeout/seconds"),
    ),
    "timeout-most": Rule("A call times out when its time is over.", ("client:settimeout/seconds",)),
    "getfd": Rule("getfd returns a number, and -1 for a closed object.", ("client:getfd/descriptor",)),
    "dirty": Rule("dirty returns true or false.", ("client:dirty/true", "client:dirty/false")),
    "getstats": Rule(
        "getstats returns how many bytes were received and sent, and the age of the object in seconds.",
        ("client:getstats/received", "client:getstats/sent", "client:getstats/age"),
    ),
    "gettimeout": Rule("gettimeout returns both limits in seconds, -1 for none."),
    "option": Rule(
        "getoption returns an option that is true or false as it was set, or nil and a message.",
        ("client:getoption/as-set", "client:getoption/returns"),
    ),
    "name": Rule(
        "The function returns an address, a port and a family, or nil and a message. The address is the one that the "
        "program asked for in connect, setpeername, bind or setsockname.",
        ("client:getpeername/address", "client:getpeername/port", "client:getsockname/address"),
    ),
    "select-tables": Rule("select returns two tables, and the message only if both are empty.", ("select/no-error",)),
    "select-keys": Rule(
        "Each object of the tables stands under its position, and its position under the object.",
        ("select/keyed-by-integer", "select/keyed-by-socket"),
    ),
    "select-given": Rule(
        "select returns objects that it was given, each in the table of its list.",
        ("select/ready-for-reading", "select/ready-for-writing"),
    ),
    "select-closed": Rule("select ignores closed objects.", ("select/closed-ignored",)),
    "select-stays": Rule(
        "An object with something to read stays ready for reading until a call takes something from it.",
        ("select/reading", "select/ready-for-reading"),
    ),
    "select-timeout": Rule('select returns "timeout" if the time is over.', ("select/timeout-error",)),
    "sleep": Rule("sleep returns nothing, when the time is over.", ("sleep/seconds", "sleep/freezes")),
    "gettime": Rule("gettime returns a number.", ("gettime/seconds",)),
    "datagram": Rule(
        "A datagram is a string of at most the size that was asked for, or nil and a message.",
        ("unconnected:receive/datagram", "unconnected:receive/size-cuts", "unconnected:receive/size-default"),
    ),
    "datagram-sent": Rule("send and sendto return the number of bytes, or nil and a message."),
    "answer": Rule(
        "The function returns a result of its shape, or nil and a message; an address is found as it was given.",
        (
            "dns.getaddrinfo/list",
            "dns.getaddrinfo/addr",
            "dns.toip/first-address",
            "dns.tohostname/canonical-name",
            "dns.getnameinfo/list",
            "dns.gethostname/string",
        ),
    ),
}

#: What no rule judges, and why.
UNJUDGED: Final[Mapping[str, str]] = {
    "the texts of errors of the system": "they are the system's own",
    "which objects select returns for writing": "the system decides when its buffers have room",
    "which servers select returns": "a client that is not recorded may connect at any time",
    "which objects select leaves out": "bytes may be on their way; it is a remark if they should have come, and a "
    "finding if the object was ready before and nothing was taken from it",
    "connections whose descriptor is used elsewhere": "after setfd, or getfd outside of select, nobody knows "
    "who reads and writes",
    "what was sent over a network, and when": "packets get lost, and clocks differ: the ends of streams and select are "
    "judged on one machine only",
    "how long a call took at most": "a busy machine can delay everything; such calls are remarks",
    "options that are neither true nor false, or that were not set before": "the system decides on them",
    "which names and addresses socket.dns finds": "the resolver decides on them",
    "the texts of bad arguments": "Lua words them by the place of the call, which the recorder takes",
    "methods that are missing": "a call of nil is not recorded",
    "protect, newtry, try, skip, sink, source, choose, bind": "they call the functions that are recorded",
    "calls that never ended": "a call is recorded when it ends",
}  # fmt: skip
