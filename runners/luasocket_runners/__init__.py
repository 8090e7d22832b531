"""Runs the behaviours of ``luasocket_spec`` on a port, and reports the results.

It has the ports and their adapters, the engine, the peers, the reports and the command. Behaviours are the spec's, and
LuaSocket's semantics are the reference's.
"""

#: The version of the distribution. It is here, and not only in the metadata, which take long to read.
__version__ = "0.1.0"
