"""The probes of the machine, in network namespaces that have what they look for, or lack it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable

import pytest
from luasocket_runners.capabilities import machine
from luasocket_spec import CAPABILITIES

Namespace = Callable[..., str]

_LIST = "from luasocket_runners.capabilities import machine; print(*machine.capabilities())"
_CHECK = "from luasocket_runners.capabilities import machine; machine.check()"
_UP = "ip link set lo up"


@pytest.fixture
def namespace() -> Namespace:
    """Runs Python code in a network namespace of its own, after shell commands; returns its output."""
    unshare = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]
    tools = all(map(shutil.which, ("unshare", "ip", "sysctl")))
    if not tools or subprocess.run([*unshare, "true"], check=False, capture_output=True).returncode:
        pytest.skip("no network namespace can be made here")

    def run(code: str, *commands: str) -> str:
        script = " && ".join([*commands, 'exec "$0" -c "$1"'])
        done = subprocess.run(
            [*unshare, "sh", "-c", script, sys.executable, code], check=False, capture_output=True, text=True
        )
        if "sysctl: " in done.stderr:
            pytest.skip(done.stderr)
        return done.stdout if done.returncode == 0 else done.stderr

    return run


def test_a_capability_is_of_the_machine_where_it_is_probed_there() -> None:
    of_the_machine = {name for name, capability in CAPABILITIES.items() if capability.of == "machine"}
    assert {name for name in CAPABILITIES if machine.has(name) is not None} == of_the_machine


def test_this_machine_can_run_behaviours() -> None:
    machine.check()


def test_a_loopback_alone_has_no_default_interface_for_multicast(namespace: Namespace) -> None:
    found = namespace(_LIST, _UP).split()
    assert "default-multicast-interface" not in found
    assert {"linux", "foreign-address-refused", "long-accept-queue", "buffers-fill", "buffers-take-64k"} <= set(found)


def test_a_route_over_the_loopback_is_no_default_interface(namespace: Namespace) -> None:
    found = namespace(_LIST, _UP, "ip link set lo multicast on", "ip route add 224.0.0.0/4 dev lo").split()
    assert "multicast" in found
    assert "default-multicast-interface" not in found


def test_another_interface_is_the_default(namespace: Namespace) -> None:
    link = "ip link add d0 type dummy && ip addr add 10.9.8.7/24 dev d0 && ip link set d0 up multicast on"
    found = namespace(_LIST, _UP, link, "ip route add default dev d0")
    if "Unknown device type" in found or "not supported" in found:
        pytest.skip(found)
    assert "default-multicast-interface" in found.split()


@pytest.mark.parametrize(
    ("setting", "lost"),
    [
        ("net.ipv4.tcp_fastopen=0", "fastopen-connect"),
        ("net.ipv4.ip_nonlocal_bind=1", "foreign-address-refused"),
        ("net.core.somaxconn=4", "long-accept-queue"),
        ("net.ipv4.tcp_syncookies=2", "defer-accept"),
        ("net.ipv4.tcp_wmem='4096 67108864 67108864'", "buffers-fill"),
        ("net.ipv4.tcp_wmem='4096 4096 4096' net.ipv4.tcp_rmem='4096 4096 4096'", "buffers-take-64k"),
        ("net.ipv4.tcp_rmem='4096 16384 16777216'", "large-receive-buffers"),
        ("net.ipv6.conf.all.disable_ipv6=1", "ipv6"),
    ],
)
def test_a_setting_of_the_system_takes_a_capability_away(namespace: Namespace, setting: str, lost: str) -> None:
    usual = namespace(_LIST, _UP).split()
    assert lost in usual
    assert lost not in namespace(_LIST, _UP, f"sysctl -qw {setting}").split()


@pytest.mark.parametrize(("send", "receive"), [(4096, 4096), (16777216, 16777216), (16777216, 4096)])
def test_buffers_of_any_size_are_filled(namespace: Namespace, send: int, receive: int) -> None:
    """The behaviours that need a connection which takes no more run, and the reference passes them."""
    code = "from luasocket_runners.cli.main import main; main(['run', 'tcp/send', 'tcp/timeout/send*', 'select'])"
    settings = f"sysctl -qw net.ipv4.tcp_wmem='4096 {send} 16777216' net.ipv4.tcp_rmem='4096 {receive} 16777216'"
    output = namespace(code, _UP, settings)
    assert output.endswith("\nconforms\n"), output
    assert "buffers-fill" not in output


def test_a_loopback_may_have_a_single_address(namespace: Namespace) -> None:
    """The behaviours that use others are skipped, and the reference passes the rest."""
    single = ("ip addr del 127.0.0.1/8 dev lo", "ip addr add 127.0.0.1/32 dev lo")
    assert "loopback-network" in namespace(_LIST, _UP).split()
    assert "loopback-network" not in namespace(_LIST, _UP, *single).split()
    code = "from luasocket_runners.cli.main import main; main(['run', 'tcp/bind', 'tcp/names', 'connect', 'udp'])"
    output = namespace(code, _UP, *single)
    assert output.endswith("\nconforms\n"), output
    assert "skipped: needs loopback-network" in output


def test_a_machine_without_a_loopback_is_unfit(namespace: Namespace) -> None:
    assert "UnfitMachine: This machine has no working loopback" in namespace(_CHECK)
    assert namespace(_CHECK, _UP) == ""


def test_too_few_descriptors_are_noticed_before_the_run() -> None:
    code = f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40)); {_CHECK}"
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert "UnfitMachine: This machine allows a process 40 descriptors" in done.stderr
