"""The engine: runs one behaviour on a port and returns its result.

``engine`` is the entry. A ``behaviour_run`` exchanges messages with the ``port_process`` for the generators of
``steps``, which keep their names in ``bindings`` and compare replies by ``readings`` and ``matcher``.
"""
