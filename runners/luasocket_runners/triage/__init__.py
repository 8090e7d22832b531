"""Triage: groups the failures of a run by their causes, and proposes quirks for those that are rules."""

from luasocket_runners.triage.causes import Cause, Kind, cause_key, causes_of
from luasocket_runners.triage.fingerprints import fingerprint

__all__ = ["Cause", "Kind", "cause_key", "causes_of", "fingerprint"]
