"""The results of the functions of socket.dns on success: their shapes, and addresses that stand for themselves."""

from __future__ import annotations

from typing import Any, Final

from luasocket_runners.judge.trace import Call, host_of, is_number

__all__ = ["expected"]

_FAMILIES: Final = (b"inet", b"inet6")


def expected(call: Call) -> str | None:
    """Return the expected results of a function; None if its results are of the right shape."""
    results = call.results or ()
    if call.function == "dns.gethostname":
        return None if len(results) == 1 and isinstance(results[0], bytes) else "a string"
    if call.function == "dns.getaddrinfo":
        return _addresses(call.arg(1), results)
    if call.function == "dns.getnameinfo":
        is_right = (
            results and _list(results[0]) is not None and all(isinstance(v, bytes) for v in _list(results[0]) or [])
        )
        return None if is_right and len(results) <= 2 else "a list of names"
    return _resolved(call, results)


def _addresses(host: Any, results: tuple[Any, ...]) -> str | None:
    listed = _list(results[0]) if len(results) == 1 else None
    if listed is None:
        return "one result, a list that begins at 1"
    for entry in listed:
        fields = dict(entry) if isinstance(entry, tuple) else {}
        if set(fields) != {b"family", b"addr"} or not all(isinstance(value, bytes) for value in fields.values()):
            return "a table with the fields family and addr for each address"
        address = host_of(fields[b"addr"])
        if address is not None and fields[b"family"] != _FAMILIES[address.version == 6]:
            return f'the family "{_FAMILIES[address.version == 6].decode()}" for {address}'
    wanted = host_of(host)
    if wanted is not None and {host_of(dict(entry)[b"addr"]) for entry in listed} != {wanted}:
        return f"the address {wanted}, which was asked for"
    return None


def _resolved(call: Call, results: tuple[Any, ...]) -> str | None:
    """Judge toip and tohostname."""
    table = dict(results[1]) if len(results) == 2 and isinstance(results[1], tuple) else {}
    names, addresses = _list(table.get(b"alias")), _list(table.get(b"ip"))
    if set(table) != {b"name", b"alias", b"ip"} or names is None or addresses is None:
        return "a string, and a table with the fields name, alias and ip"
    first = addresses[:1] if call.function == "dns.toip" else [table[b"name"]]
    if [results[0]] != first:
        return "the first address of the table" if call.function == "dns.toip" else "the name of the table"
    wanted = host_of(call.arg(1))
    if wanted is not None and call.function == "dns.toip" and host_of(results[0]) != wanted:
        return f"the address {wanted}, which was asked for"
    return None


def _list(value: Any) -> list[Any] | None:
    """Return the entries of a table that is a list, in order; None for anything else."""
    if not isinstance(value, tuple) or not all(is_number(key) for key, _ in value):
        return None
    entries = dict(value)
    places = range(1, len(entries) + 1)
    return [entries[place] for place in places] if set(entries) == set(places) else None
