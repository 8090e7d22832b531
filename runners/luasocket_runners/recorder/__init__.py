"""Recording: recorder.lua writes every call of a LuaSocket module into a trace, which `judge` reads.

`proxy` and `datagram_proxy` write what they relay between two programs. ``trace.schema.json`` describes the lines of
a trace.
"""

from pathlib import Path
from typing import Final

__all__ = ["RECORDER", "TRACE_SCHEMA", "TRACE_VARIABLE"]

#: The recorder in plain Lua.
RECORDER: Final = Path(__file__).parent / "recorder.lua"

#: The JSON Schema of a line of a trace.
TRACE_SCHEMA: Final = Path(__file__).parent / "trace.schema.json"

#: The variable of the environment that names the file of the trace.
TRACE_VARIABLE: Final = "LUASOCKET_TRACE"
