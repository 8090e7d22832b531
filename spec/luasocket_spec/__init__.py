"""The specification of LuaSocket as data: behaviours, fixtures and statements of the documentation, with their loader.

Running behaviours is left to the runners. This package imports none of the other three.
"""

from luasocket_spec import model
from luasocket_spec.capabilities import CAPABILITIES, Capability
from luasocket_spec.model import AUTHORITIES, DIALECTS, Authority, Behaviour, Dialect, Fixture, Spec, Statement
from luasocket_spec.reading.excerpt import source_text
from luasocket_spec.reading.loader import __version__, load
from luasocket_spec.reading.problems import Problem, SpecError

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
