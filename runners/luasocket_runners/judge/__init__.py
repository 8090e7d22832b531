"""The judge: which results in a trace LuaSocket could not have returned, by the rules of `one_end` and `both_ends`."""
