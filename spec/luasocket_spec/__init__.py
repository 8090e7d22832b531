"""WHAT LuaSocket does, as data: behaviours, fixtures, the statements of the documentation, and their loader.

What lives here: the data, its schema, and what reads and checks it. What may not: anything that plays, compares or
calls. This room imports none of the other three.
"""

from luasocket_spec import model
from luasocket_spec.capabilities import CAPABILITIES, Capability
from luasocket_spec.excerpt import source_text
from luasocket_spec.loader import __version__, load
from luasocket_spec.model import AUTHORITIES, DIALECTS, Authority, Behaviour, Dialect, Fixture, Spec, Statement
from luasocket_spec.problems import Problem, SpecError

__all__ = [
    "AUTHORITIES",
    "CAPABILITIES",
    "DIALECTS",
    "Authority",
    "Behaviour",
    "Capability",
    "Dialect",
    "Fixture",
    "Problem",
    "Spec",
    "SpecError",
    "Statement",
    "__version__",
    "load",
    "model",
    "source_text",
]
