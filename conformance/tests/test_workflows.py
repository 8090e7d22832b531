"""Checks the workflows of the repository, which run only when they are needed: names, files, and the release."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted(ROOT.glob(".github/workflows/*.yml"))

pytestmark = pytest.mark.skipif(not WORKFLOWS, reason="the workflows are not in this copy")


def steps(path: Path) -> list[dict[str, Any]]:
    jobs = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]
    return [step for job in jobs.values() for step in job["steps"]]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_uses_what_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tox = (ROOT / "tox.ini").read_text(encoding="utf-8")
    for name in re.findall(r"tox -e ([a-z]+)\b(?!\$)", text):
        assert f"[testenv:{name}]" in tox
    assert all(set(step) & {"run", "uses"} for step in steps(path))
    for name in re.findall(r"(?:bash|python3) ([\w./-]+/\w+|\w+\.py)", text):
        assert (ROOT / name).is_file(), name


def test_the_site_is_published_from_where_tox_builds_it() -> None:
    text = (ROOT / ".github/workflows/docs.yml").read_text(encoding="utf-8")
    assert "tox -e docs" in text
    assert "path: docs/_build" in text
    assert "docs {tox_root}{/}docs{/}_build" in (ROOT / "tox.ini").read_text(encoding="utf-8")


def test_a_release_has_the_address_of_the_site(tmp_path: Path) -> None:
    (script,) = [step["run"] for step in steps(ROOT / ".github/workflows/release.yml") if "urls" in step.get("run", "")]
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    names = {"GITHUB_REPOSITORY_OWNER": "someone", "GITHUB_REPOSITORY": "someone/luasocket-conformance"}
    subprocess.run(["bash", "-e", "-c", script], cwd=tmp_path, env={**os.environ, **names}, check=True, timeout=60)
    project = tomllib.loads((tmp_path / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["urls"] == {"Documentation": "https://someone.github.io/luasocket-conformance/"}
    assert project["name"] == "luasocket-conformance"
