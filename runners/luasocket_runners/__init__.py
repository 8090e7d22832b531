"""HOW: what plays the behaviours of ``luasocket_spec`` on a port.

What lives here: ports and their adapters, the engine, the matcher, peers, reports, the command. What may not:
behaviours (the spec's), the semantics of LuaSocket (the reference's).
"""
