"""Looks up functions, behaviours and statements, for the terminal, the site and other programs."""

from luasocket_runners.lookup.index import Entry, Index, NotFound, Observation, entries, find

__all__ = ["Entry", "Index", "NotFound", "Observation", "entries", "find"]
