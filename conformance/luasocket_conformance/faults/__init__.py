"""Faulty ports: the reference with one mistake each, to show that the specification detects it.

There is a module for each file of behaviours, under the same name (``tcp/receive-line.yaml``: ``tcp/receive_line.py``;
``try.yaml``: ``try_.py``), with the ports that its behaviours detect. :mod:`.mechanism` makes a port of a mistake,
``factories`` has parts that mistakes are made of, and :mod:`.command` runs the specification on the ports.
"""

import pkgutil
from importlib import import_module

from luasocket_conformance.faults.mechanism import CATALOGUE, FaultyPort

__all__ = ["FAULTY_PORTS", "FaultyPort"]

for _module in sorted(_found.name for _found in pkgutil.walk_packages(__path__, f"{__name__}.") if not _found.ispkg):
    if _module.rpartition(".")[2] not in ("adapter", "command", "exploring"):  # they import this package
        import_module(_module)

#: Every faulty port, module by module, and in each in the order in which they stand there.
FAULTY_PORTS: tuple[FaultyPort, ...] = tuple(CATALOGUE.values())
