"""The versions of Lua, as far as results differ between them: numerals, the form of numbers, the names of types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["LUA_VERSIONS", "LuaVersion"]


@dataclass(frozen=True, eq=False)
class LuaVersion:
    """How one version of Lua differs from another.

    Attributes
    ----------
    name
        Its name for `luasocket_reference.open`.
    has_integers
        Numbers are integers or floats. A float is written with a point, a fraction is no integer, and hexadecimal
        numerals without a fraction wrap around.
    numerals_of_c
        A string is converted with C's ``strtod``: it ends at a NUL, and "inf", "nan" and "nan(1)" are numerals.
    special_numerals
        "inf", "infinity", "nan" and binary numerals ("0b11") are numerals.
    names_classes
        Errors name an object by its class, "got tcp{client}"; else "got userdata".
    shows_sign_of_nan
        NaN is written as "-nan" where its sign is set.
    digits
        Significant digits of a float that is written.
    needed_digits
        Where `digits` are too few to read the same number again, 17 are written.
    defaults_for_other_types
        Where a function takes one of several names, a value that is not a string is taken for the default; else it
        raises.
    resolves_negative_positions
        An error about argument -1 gives its place on the stack; else the number as it is.
    """

    name: str
    has_integers: bool
    numerals_of_c: bool = False
    special_numerals: bool = False
    names_classes: bool = False
    shows_sign_of_nan: bool = True
    digits: int = 14
    needed_digits: bool = False
    defaults_for_other_types: bool = False
    resolves_negative_positions: bool = False


_VERSIONS = (
    LuaVersion("5.1", has_integers=False, numerals_of_c=True),
    LuaVersion("5.2", has_integers=False),
    LuaVersion("5.3", has_integers=True, names_classes=True),
    LuaVersion("5.4", has_integers=True, names_classes=True),
    LuaVersion("5.5", has_integers=True, names_classes=True, digits=15, needed_digits=True),
    LuaVersion(
        "luajit",
        has_integers=False,
        special_numerals=True,
        shows_sign_of_nan=False,
        defaults_for_other_types=True,
        resolves_negative_positions=True,
    ),
)

#: All versions by name.
LUA_VERSIONS: Mapping[str, LuaVersion] = MappingProxyType({version.name: version for version in _VERSIONS})
