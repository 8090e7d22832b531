"""Limits of descriptors: a behaviour with ``descriptors`` has a process of its own, whose calls find no more."""

from __future__ import annotations

import resource
import shutil
from collections.abc import Callable

import pytest
from luasocket_runners.engine.engine import Engine
from luasocket_runners.ports import resolve
from luasocket_runners.result import Verdict
from luasocket_spec.model import Behaviour

pytestmark = pytest.mark.usefixtures("nothing_left")

Behaviours = Callable[[str], list[Behaviour]]

#: Two sockets are the limit, peers beside them are not; the next behaviour has no limit.
LIMITED = """
  - id: limited
    says: S.
    authority: observed
    needs: [descriptor-limit]
    descriptors: 2
    steps:
      - {peer: {listen: 127.0.0.1, who: one, as: one}}
      - {call: socket.tcp4, succeeds: true, as: a}
      - {peer: {listen: 127.0.0.1, who: two, as: two}}
      - {call: socket.udp4, succeeds: true, as: b}
      - {peer: {listen: 127.0.0.1, who: three, as: three}}
      - {call: socket.tcp4, returns: [null, {type: string}]}
      - {call: "b:close", returns: [1]}
      - {call: socket.tcp4, succeeds: true, as: c}
  - id: unlimited
    says: S.
    authority: observed
    steps:
      - {call: socket.tcp4, succeeds: true, as: a}
      - {call: socket.tcp4, succeeds: true, as: b}
      - {call: socket.tcp4, returns: [{type: object}]}
"""


@pytest.mark.parametrize("name", ["reference", "lua5.1", "lua5.4"])
def test_the_limit_is_for_one_behaviour_and_for_the_port(behaviours: Behaviours, name: str) -> None:
    if name != "reference" and shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    limited, unlimited = behaviours(LIMITED)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    with Engine(resolve(name), "luasocket-3") as engine:
        for behaviour in (unlimited, limited, unlimited, limited):
            result = engine.run(behaviour)
            assert (result.verdict, result.reason) == (Verdict.PASSED, "")
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == before


def test_two_engines_in_one_process_do_not_count_descriptors(behaviours: Behaviours) -> None:
    limited, unlimited = behaviours(LIMITED)
    with Engine(resolve("reference")) as engine:
        with Engine(resolve("reference")) as other:
            assert other.run(unlimited).verdict is Verdict.PASSED
            assert engine.run(limited).verdict is Verdict.SKIPPED
        engine.restart()
        assert engine.run(limited).verdict is Verdict.PASSED
