"""HOW: what plays the behaviours of ``luasocket_spec`` on a port.

What lives here: ports and their adapters, the engine, the matcher, peers, reports, the command. What may not:
behaviours (the spec's), the semantics of LuaSocket (the reference's).
"""

#: The version of the distribution. It stands here, and not in its metadata, for those take long to read.
__version__ = "0.1.0"
