"""Serves a faulty port on stdin and stdout: ``python -m luasocket_conformance.faults.adapter NAME``."""

from __future__ import annotations

import sys

from luasocket_runners.ports.adapters.reference import serve
from luasocket_runners.ports.inprocess import reference_api

from luasocket_conformance.faults import FAULTY_PORTS
from luasocket_conformance.faults.mechanism import FaultyApi

__all__ = ["main"]


def main() -> None:
    """Serve the faulty port that the first argument names."""
    faulty = next(one for one in FAULTY_PORTS if one.name == sys.argv[1])
    serve(FaultyApi(reference_api(), faulty))


if __name__ == "__main__":
    main()
