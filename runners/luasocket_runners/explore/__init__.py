"""Random exploration: runs random sequences of calls on a port and on the reference in lockstep, and compares them.

Hypothesis (the extra ``explore``) chooses the sequences and keeps those that differed; this package knows what can be
called when, what two implementations may answer differently, and how a difference is written down.
"""

from typing import Final

__all__ = ["PROFILES"]

#: What a search can be narrowed to: kinds of objects, and the functions of the module.
PROFILES: Final = ("everything", "tcp", "udp", "module")
