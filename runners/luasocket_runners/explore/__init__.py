"""Random exploration: runs random sequences of calls on a port and on the reference in lockstep, and compares them.

Hypothesis (the extra ``explore``) chooses the sequences and keeps those that differed; this package knows which
functions can be called when, where two implementations may differ, and how a difference is written down.
"""

from typing import Final

__all__ = ["PROFILES"]

#: What a search can be narrowed to: kinds of objects, and the functions of the module.
PROFILES: Final = ("everything", "tcp", "udp", "module")
