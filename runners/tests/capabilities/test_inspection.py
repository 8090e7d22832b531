"""Inspection of a port's sockets: values, errors, sockets of other processes, and no descriptor left open.

They test the modules ``inspection`` and ``probes``, and the step ``system``.
"""

from __future__ import annotations

import errno
import os
import shlex
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import luasocket_reference
import pytest
from luasocket_reference import options
from luasocket_runners import processes
from luasocket_runners.capabilities import inspection, probes
from luasocket_runners.capabilities.inspection import NotSeen
from luasocket_runners.engine.engine import Engine
from luasocket_runners.ports import Port, reaper, resolve
from luasocket_runners.ports.inprocess import PythonPort
from luasocket_runners.repro import lua_script
from luasocket_runners.result import Result, Verdict
from luasocket_runners.values import LuaTable, LuaValue
from luasocket_spec import CAPABILITIES, Behaviour, model

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="other processes are looked into on Linux only"),
    pytest.mark.usefixtures("nothing_left"),
]

Make = Callable[[str], list[Behaviour]]

#: A process with a bound socket, whose descriptor and port it prints; it ends with its input.
CHILD = """
import socket, sys
held = socket.create_server(("127.0.0.1", 0))
held.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
print(held.fileno(), held.getsockname()[1], flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module", autouse=True)
def _started_reaper() -> None:
    """Start the reaper, which stays; else the first child's test would seem to leave it behind."""
    reaper.forget(os.getpid())


@contextmanager
def child(command: list[str]) -> Iterator[tuple[int, int, int]]:
    """Run a command that runs the above: its process, the descriptor, the port."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        descriptor, port = map(int, process.stdout.readline().split())
        yield process.pid, descriptor, port
        process.communicate()


# -- reading

FAMILY = {"IPV6": socket.AF_INET6}
KIND = {"TCP": socket.SOCK_STREAM, "SO_ACCEPTCONN": socket.SOCK_STREAM}


@pytest.mark.parametrize("option", model.SYSTEM_OPTIONS)
def test_every_option_has_the_form_of_format_md(option: str) -> None:
    prefix = option.partition("_")[0]
    with socket.socket(FAMILY.get(prefix, socket.AF_INET), KIND.get(prefix, socket.SOCK_DGRAM)) as held:
        value = inspection.read(os.dup(held.fileno()), option)
    form = model.SYSTEM_OPTIONS[option]
    if form.startswith("table: "):
        assert isinstance(value, LuaTable)
        assert [key for key, _ in value.entries] == [name.encode() for name in form.removeprefix("table: ").split(", ")]
    else:
        assert type(value) is (int if form == "number" else bytes)


SET: list[tuple[str, int, int, int | bytes, LuaValue]] = [
    ("SO_KEEPALIVE", socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1, 1),
    ("SO_RCVBUF", socket.SOL_SOCKET, socket.SO_RCVBUF, 20000, 40000),
    ("SO_LINGER", socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\7\0\0\0", LuaTable(((b"onoff", 1), (b"linger", 7)))),
    ("TCP_KEEPCNT", socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 5, 5),
    ("IP_MULTICAST_IF", socket.IPPROTO_IP, socket.IP_MULTICAST_IF, b"\x7f\0\0\1", b"127.0.0.1"),
]


@pytest.mark.parametrize(("option", "level", "number", "value", "seen"), SET, ids=[row[0] for row in SET])
def test_an_option_that_was_set_is_seen(
    option: str, level: int, number: int, value: int | bytes, seen: LuaValue
) -> None:
    stream = option != "IP_MULTICAST_IF"
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM if stream else socket.SOCK_DGRAM) as held:
        held.setsockopt(level, number, value)
        assert inspection.read(os.dup(held.fileno()), option) == seen


def test_non_blocking_is_seen() -> None:
    with socket.socket() as held:
        assert inspection.read(os.dup(held.fileno()), "O_NONBLOCK") == 0
        held.setblocking(False)
        assert inspection.read(os.dup(held.fileno()), "O_NONBLOCK") == 1


def test_a_descriptor_of_a_file_cannot_be_inspected() -> None:
    out, into = os.pipe()
    os.close(into)
    with pytest.raises(
        NotSeen, match=r"^the system does not report TCP_NODELAY for it: Socket operation on non-socket$"
    ):
        inspection.read(out, "TCP_NODELAY")


def test_an_option_that_a_kind_of_socket_lacks_cannot_be_inspected() -> None:
    with (
        socket.socket(type=socket.SOCK_DGRAM) as held,
        pytest.raises(NotSeen, match=r"^the system does not report TCP_NODELAY for it: Operation not supported$"),
    ):
        inspection.read(os.dup(held.fileno()), "TCP_NODELAY")


@pytest.mark.parametrize(
    ("option", "changed"),
    [("SO_KEEPALIVE", 1), ("TCP_KEEPIDLE", 31), ("SO_SNDBUF", 20_000), ("SO_RCVBUF", 20_000)],
)
def test_an_option_that_nobody_has_set_is_untouched(option: str, changed: int) -> None:
    level = socket.IPPROTO_TCP if option.startswith("TCP") else socket.SOL_SOCKET
    with socket.socket() as held:
        assert inspection.is_untouched(os.dup(held.fileno()), option)
        held.setsockopt(level, getattr(socket, option), changed)
        assert not inspection.is_untouched(os.dup(held.fileno()), option)


def test_what_is_no_socket_has_no_untouched_option() -> None:
    reading, writing = os.pipe()
    os.close(writing)
    assert not inspection.is_untouched(reading, "SO_SNDBUF")


def test_an_option_that_the_system_lacks_cannot_be_inspected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "TCP_DEFER_ACCEPT")
    with socket.socket() as held, pytest.raises(LookupError, match=r"this system has no TCP_DEFER_ACCEPT"):
        inspection.read(os.dup(held.fileno()), "TCP_DEFER_ACCEPT")


# -- other processes


def test_a_socket_of_another_process_is_seen() -> None:
    with child([sys.executable, "-c", CHILD]) as (process, descriptor, _):
        assert inspection.read(inspection.duplicate(process, descriptor), "SO_KEEPALIVE") == 1
        assert inspection.read(inspection.duplicate(process, descriptor), "SO_ACCEPTCONN") == 1


def test_a_socket_of_our_own_is_seen() -> None:
    with socket.socket() as held:
        assert inspection.read(inspection.duplicate(os.getpid(), held.fileno()), "SO_ACCEPTCONN") == 0


def test_a_closed_descriptor_cannot_be_inspected() -> None:
    with child([sys.executable, "-c", CHILD]) as (process, _, _):
        for number in (process, os.getpid()):
            with pytest.raises(NotSeen, match=r"^the descriptor 999 is not open$"):
                inspection.duplicate(number, 999)


def test_a_system_without_pidfd_has_an_error_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "pidfd_open")
    with pytest.raises(OSError, match="not implemented") as raised:
        inspection.duplicate(os.getppid(), 0)
    assert raised.value.errno == errno.ENOSYS
    assert not inspection.is_bound_to(os.getppid(), 0, ("127.0.0.1", 1))


def test_the_descriptor_of_an_address_is_recognized() -> None:
    with child([sys.executable, "-c", CHILD]) as (process, descriptor, port):
        assert inspection.is_bound_to(process, descriptor, ("127.0.0.1", port))
        assert not inspection.is_bound_to(process, descriptor, ("127.0.0.1", port - 1))
        assert not inspection.is_bound_to(process, 0, ("127.0.0.1", port)), "a pipe"
        assert not inspection.is_bound_to(process, 999, ("127.0.0.1", port)), "not open"


def test_descendants_are_found() -> None:
    script = f"{shlex.join([sys.executable, '-c', CHILD])}; exit"  # the shell stays
    with child(["/bin/sh", "-c", script]) as (shell, descriptor, port):
        inner = list(processes.descendants(shell))
        assert len(inner) == 1
        assert inspection.is_bound_to(inner[0], descriptor, ("127.0.0.1", port))


# -- the step


def played(port: Port, behaviours: list[Behaviour]) -> list[Result]:
    """Return the results on a port."""
    with Engine(port) as engine:
        return [engine.run(behaviour) for behaviour in behaviours]


LOOK = """
  - id: look
    needs: [inspection]
    given: {client: connected client}
    steps:
      - {call: client:setoption, with: [tcp-nodelay, true], returns: [1]}
      - {call: client:getoption, with: [tcp-nodelay], returns: [true]}
      - {system: client, option: TCP_NODELAY, is: 1}
"""


def test_a_wrong_constant_shared_by_setter_and_getter_is_detected(
    behaviours: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    for table in (options.OPTIONS["set tcp"], options.OPTIONS["get tcp"]):
        handler, _, _ = table["tcp-nodelay"]
        monkeypatch.setitem(table, "tcp-nodelay", (handler, socket.SOL_SOCKET, socket.SO_KEEPALIVE))
    (result,) = played(resolve("reference"), behaviours(LOOK))
    assert (result.verdict, result.reason) == (Verdict.FAILED, "0 instead of 1")
    assert (result.call, result.expected, result.returned) == (
        "the system's TCP_NODELAY of client",
        "1",
        "0, as nobody has set it",
    )


ADAPTER = [sys.executable, "-m", "luasocket_runners.ports.adapters.reference"]
SCRIPT = f"{shlex.join(ADAPTER)}; exit"


@pytest.mark.parametrize(
    "name", ["reference", "command:" + shlex.join(ADAPTER), "command:" + shlex.join(["/bin/sh", "-c", SCRIPT])],
    ids=["in our process", "a child", "a grandchild"],
)  # fmt: skip
def test_sockets_of_every_kind_of_port_are_seen(name: str, behaviours: Make) -> None:
    (result,) = played(resolve(name), behaviours(LOOK))
    assert result.verdict == Verdict.PASSED, result.reason


def test_inside_a_function_of_the_test(behaviours: Make) -> None:
    (result,) = played(resolve("reference"), behaviours("""
  - id: inside
    says: S.
    authority: observed
    needs: [inspection]
    given: {client: connected client}
    functions:
      look:
        does:
          - {system: client, option: TCP_NODELAY, is: 0}
    steps:
      - {call: socket.protect, with: [$look], returns: [{type: function}], as: protected}
      - {call: $protected, returns: []}
"""))  # fmt: skip
    assert result.verdict == Verdict.PASSED, result.reason


def test_a_result_that_is_no_descriptor_fails(behaviours: Make) -> None:
    text = """
  - id: closed
    says: S.
    authority: observed
    needs: [inspection]
    given: {client: connected client}
    steps:
      - {call: client:close, succeeds: true}
      - {system: client, option: TCP_NODELAY, is: 1}
  - id: not-open
    says: S.
    authority: observed
    needs: [inspection]
    given: {client: connected client}
    steps:
      - {call: client:getfd, succeeds: true, as: own}
      - {call: client:setfd, with: [999], returns: []}
      - {system: client, option: TCP_NODELAY, is: 1}
"""
    closed, not_open = played(resolve("command:" + shlex.join(ADAPTER)), behaviours(text))
    assert (closed.reason, closed.returned) == ("getfd returned no valid descriptor", "getfd: -1")
    assert (not_open.reason, not_open.returned) == ("the descriptor 999 is not open", "getfd: 999")


# -- the capability


def test_a_port_that_the_runner_did_not_start_is_skipped(behaviours: Make) -> None:
    """The process of an adapter over TCP is unknown, and the adapter's own statement is not trusted."""
    with socket.create_server(("127.0.0.1", 0)) as listener, ExitStack() as stack:
        name = f"tcp:127.0.0.1:{listener.getsockname()[1]}"

        def serve() -> None:
            connected = stack.enter_context(closing(listener.accept()[0]))
            with connected.makefile("rwb") as lines:
                for line in lines:
                    number = line.split(b'"id":')[1].split(b",")[0].rstrip(b"}\n").decode()
                    answer = (
                        f'{{"id":{number},"protocol":1,"name":"liar","capabilities":["inspection"],"returns":[]}}\n'
                    )
                    lines.write(answer.encode())
                    lines.flush()

        thread = threading.Thread(target=serve)
        thread.start()
        (result,) = played(resolve(name), behaviours(LOOK))
        thread.join()
    assert (result.verdict, result.reason) == (Verdict.SKIPPED, "needs inspection, which is not available")


class Words:
    """Answers requests from a list, and notes them."""

    def __init__(self, *answers: tuple[LuaValue, ...] | None) -> None:
        self._answers = list(answers)

    def __call__(self, _message: Any) -> tuple[LuaValue, ...] | None:
        return self._answers.pop(0)


@pytest.mark.parametrize("answers", [(None,), ((b"no object",),), ((),)], ids=["raises", "another", "nothing"])
def test_a_port_without_tcp_lacks_both_capabilities(answers: Any) -> None:
    assert probes.inspected_process(os.getpid(), Words(*answers)) is None
    assert not probes.has("option-bindtodevice", Words(*answers))


@pytest.mark.parametrize("capability", [name for name in CAPABILITIES if name.startswith("option-")])
def test_options_of_later_releases_are_probed(capability: str, behaviours: Make) -> None:
    asks = behaviours(
        f"  - {{id: a, needs: [{capability}], steps: [{{call: socket.tcp, returns: [{{type: object}}]}}]}}"
    )
    (result,) = played(resolve("reference"), asks)
    there = capability.removeprefix("option-") in options.OPTIONS["set tcp"]
    assert result.verdict == (Verdict.PASSED if there else Verdict.SKIPPED)


def test_a_port_that_dies_during_a_probe_lacks_the_capability(behaviours: Make) -> None:
    class Dying:
        """The reference, whose objects cannot be made."""

        def __getattr__(self, name: str) -> Any:
            return getattr(luasocket_reference, name)

        def open(self, dialect: str) -> Any:
            """Return a module whose ``tcp`` ends the adapter."""
            module = dict(luasocket_reference.open(dialect))

            def dying(*_args: Any) -> Any:
                raise SystemExit

            return module | {b"tcp": dying}

    (result,) = played(PythonPort("dying", Dying), behaviours(LOOK))
    assert result.reason == "needs inspection, which is not available"


# -- the script


def test_the_lua_script_says_what_to_inspect(behaviours: Make) -> None:
    text = lua_script.script(behaviours(LOOK)[0], "luasocket-3")
    assert 'print("the system\'s TCP_NODELAY of client")' in text
    assert 'print("    expected  " .. "1")' in text
    assert 'print("    look at   descriptor " .. tostring(client:getfd()))' in text
