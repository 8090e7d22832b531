"""The addresses of functions and behaviours on the site, complete where the address of the site is configured.

The variable ``LUASOCKET_CONFORMANCE_DOCS`` gives it, or the URL "Documentation" in the metadata of the distribution.
Without either, there is no public site, and failures name the command only.
"""

from __future__ import annotations

import os
import re
from functools import cache

__all__ = ["behaviour_address", "function_address", "function_slug", "label", "site"]

_VARIABLE = "LUASOCKET_CONFORMANCE_DOCS"
_DISTRIBUTION = "luasocket-conformance"


def function_slug(identity: str) -> str:
    """Return the name of a function's page: ``client-receive``."""
    return re.sub(r"[.:]", "-", identity)


def label(entry: str) -> str:
    """Return the label of a behaviour, its anchor on the page of its file."""
    return "b-" + entry.replace("/", "-")


def site() -> str | None:
    """Return the address of the site, with a slash at its end; None if none is configured."""
    found = os.environ.get(_VARIABLE) or _documentation()
    return f"{found.rstrip('/')}/" if found else None


def function_address(identity: str) -> str | None:
    """Return the address of a function's page."""
    base = site()
    return None if base is None else f"{base}functions/{function_slug(identity)}.html"


def behaviour_address(subject: str, entry: str) -> str | None:
    """Return the address of a behaviour, given the subject of its file."""
    base = site()
    return None if base is None else f"{base}behaviours/{subject}.html#{label(entry)}"


@cache
def _documentation() -> str | None:
    """Return the URL "Documentation" of the distribution, None if it has none or is not installed."""
    from importlib import metadata  # slow to import, and only needed where something fails

    try:
        urls = metadata.metadata(_DISTRIBUTION).get_all("Project-URL") or []
    except metadata.PackageNotFoundError:
        return None
    found = (url.partition(",") for url in urls)
    return next((address.strip() for name, _, address in found if name.strip().lower() == "documentation"), None)
