"""Tests short Lua scripts: their form, and that real LuaSocket prints the expected results."""

from __future__ import annotations

import os
import shutil
import subprocess

import luasocket_spec
import pytest
from luasocket_runners.cli.main import main
from luasocket_runners.repro.short_script import LINES, NoShortScript, checked, mismatches, script
from luasocket_spec.model import Behaviour

SPEC = luasocket_spec.load()
BY_ID = {behaviour.id: behaviour for behaviour in SPEC.behaviours}


def text_of(behaviour: Behaviour) -> str | None:
    try:
        return script(behaviour, behaviour.dialects[-1])
    except NoShortScript:
        return None


def test_a_script_is_short_and_shows_the_results(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "tcp/receive-line/partial-on-timeout", "--as", "short-lua"]) == 0
    text = capsys.readouterr().out
    assert 'print(client:receive("*l")) --> nil, "timeout", "hel"' in text
    assert len(text.splitlines()) <= LINES


def test_a_behaviour_without_a_short_script_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "tcp/receive-line/over-many-segments", "--as", "short-lua"]) == 2
    assert "acts while a call blocks, or does what LuaSocket cannot. Use --as lua." in capsys.readouterr().err


def test_most_behaviours_have_a_short_script() -> None:
    """Walks through all methods of an object are longer, and no script can inspect the options of the system."""
    texts = [text_of(behaviour) for behaviour in SPEC.behaviours if "inspection" not in behaviour.needs]
    assert sum(text is not None for text in texts) > 0.78 * len(texts)


#: Every fiftieth behaviour with a short script, of those that are quick and need nothing special.
SAMPLE = [
    behaviour.id
    for behaviour in SPEC.behaviours
    if "luasocket-3" in behaviour.dialects and not behaviour.needs and text_of(behaviour) is not None
][::50]


@pytest.mark.parametrize("identity", SAMPLE)
def test_real_luasocket_prints_the_expected_results(identity: str) -> None:
    lua = shutil.which("lua5.4")
    if lua is None and not os.environ.get("LUASOCKET_REQUIRE_REAL"):
        pytest.skip("lua5.4 is not installed here")
    text = text_of(BY_ID[identity])
    assert text is not None
    done = subprocess.run(
        [lua or "lua5.4", "-"], input=checked(text).encode("latin-1", "replace"), capture_output=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert mismatches(text, done.stdout.decode("latin-1")) == []


def test_a_wrong_result_is_a_mismatch() -> None:
    text = 'print(f()) --> nil, "a\\nb", 1\n'
    assert mismatches(text, 'nil, "a\\010b", 1\n') == []
    assert mismatches(text, 'nil, "a\\010c", 1\n') == ['print(f()) --> nil, "a\\nb", 1\n    printed nil, "a\\010c", 1']
    assert mismatches(text, "") == ["0 results were printed, 1 were expected"]
