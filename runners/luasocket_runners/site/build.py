"""Builds the site with Sphinx, from the pages of this distribution, in a process of its own."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from luasocket_runners.lookup import written

__all__ = ["SiteError", "build"]

#: What Sphinx needs besides itself; the extra ``docs`` installs them.
_NEEDED = ("sphinx", "furo", "myst_parser")


class SiteError(Exception):
    """The site cannot be built; the message says why, and what to do."""


def build(out: Path, reports: Sequence[Path] = ()) -> None:
    """Build the site into a directory. Raises :class:`SiteError`."""
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        names = ", ".join(missing)
        raise SiteError(f"These packages are missing: {names}. Install luasocket-conformance with the extra [docs].")
    with tempfile.TemporaryDirectory(prefix="luasocket-site-") as place:
        source = Path(place) / "source"
        try:
            shutil.copytree(written.directory(), source)
        except FileNotFoundError as error:
            raise SiteError(str(error)) from None
        command = [sys.executable, "-m", "sphinx", "-b", "html", "-q", "-W", "--keep-going"]
        if reports:
            command += ["-D", f"luasocket_reports={','.join(str(path.resolve()) for path in reports)}"]
        done = subprocess.run([*command, "-d", f"{place}/doctrees", source, out], capture_output=True, text=True)
    if done.returncode:
        raise SiteError(f"Sphinx could not build the site:\n{(done.stderr or done.stdout).strip()}")
