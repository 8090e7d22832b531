"""Makes the parts of MyST Markdown that all generated pages share: links, code, cells of tables, escaped sentences."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from luasocket_runners.lookup.address import function_slug, label

__all__ = [
    "behaviour_link", "behaviour_links", "cell", "code", "function_link", "function_slug", "label", "linked", "prose",
    "row", "table", "toctree",
]  # fmt: skip

#: Behaviours that a cell of a table links.
_SHOWN = 3


def behaviour_link(entry: str) -> str:
    """Return a link to a behaviour."""
    return f"[{entry}](#{label(entry)})"


def behaviour_links(entries: Sequence[str]) -> str:
    """Return links to the first behaviours, and how many there are more."""
    more = f" and {len(entries) - _SHOWN} more" if len(entries) > _SHOWN else ""
    return ", ".join(map(behaviour_link, entries[:_SHOWN])) + more


def function_link(identity: str) -> str:
    """Return a link to the page of a function."""
    return f"[`{identity}`](#f-{function_slug(identity)})"


def code(text: str) -> str:
    """Return inline code, whatever it contains."""
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}" if text else "–"


def cell(text: str) -> str:
    """Return text for a cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def prose(text: str) -> str:
    """Return a sentence of the spec, which is plain text, as Markdown."""
    return re.sub(r"([\\`*_{}\[\]<>#|$~])", r"\\\1", " ".join(text.split()))


def linked(text: str) -> str:
    """Return a sentence of a port, which is plain text, as Markdown in which addresses are links."""
    parts = re.split(r"(https?://[^\s<>\"]+[^\s<>\".,;:)])", " ".join(text.split()))
    return "".join(f"<{part}>" if number % 2 else prose(part) for number, part in enumerate(parts))


def row(*cells: str) -> str:
    """Return a row of a table."""
    return f"| {' | '.join(cells)} |"


def table(*heads: str) -> list[str]:
    """Return the head of a table."""
    return [row(*heads), row(*["---"] * len(heads))]


def toctree(names: Iterable[str], *, hidden: bool = False) -> Iterator[str]:
    """Yield a table of contents."""
    yield from ("```{toctree}", ":hidden:" if hidden else ":maxdepth: 1", "")
    yield from names
    yield from ("```", "")
