"""Quirks: rules by which a port declares how it differs, applied to each call before its reply is compared."""

from luasocket_runners.quirks.loading import load_quirks
from luasocket_runners.quirks.model import NO_QUIRKS, Quirk, Quirks, QuirksError

__all__ = ["NO_QUIRKS", "Quirk", "Quirks", "QuirksError", "load_quirks"]
