"""Lets tox find each Python that pyenv has installed, whether or not it is selected there.

tox imports this file by its name. pyenv puts shims on the PATH, which refuse to start a
version that is installed but not selected; the directories behind them come after everything else.
"""

import os
from pathlib import Path

_PYENV = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")

os.environ["PATH"] = os.pathsep.join([os.environ.get("PATH", os.defpath), *map(str, _PYENV.glob("versions/3.*/bin"))])
