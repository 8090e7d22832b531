"""Loads a file of quirks, if a port has one: only then, YAML and the reader are imported."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from luasocket_spec.model import Behaviour

from luasocket_runners.quirks.model import Quirks, QuirksError

__all__ = ["load_quirks"]

#: Bytes of the largest file that is read: a quirk takes some hundred, and no port needs a thousand of them.
_LIMIT: Final = 1 << 20


def load_quirks(path: Path, behaviours: Iterable[Behaviour]) -> Quirks:
    """Read a file of quirks and check each against the behaviours.

    Raises
    ------
    QuirksError
        When the file cannot be read or used, or a quirk concerns nothing that a behaviour expects.
    """
    from luasocket_runners.quirks.reading import parse_quirks

    try:
        with path.open("rb") as stream:
            data = stream.read(_LIMIT + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise QuirksError(f"{path}: the quirks cannot be read: {reason}") from None
    if len(data) > _LIMIT:
        raise QuirksError(f"{path}: the quirks cannot be read: the file has more than {_LIMIT} bytes")
    return parse_quirks(data, str(path), behaviours)
