"""Quirks: rules by which a port declares how it differs, applied to each call before its reply is compared."""

from luasocket_runners.quirks.model import NO_QUIRKS, Quirk, Quirks
from luasocket_runners.quirks.reading import QuirksError, load_quirks

__all__ = ["NO_QUIRKS", "Quirk", "Quirks", "QuirksError", "load_quirks"]
