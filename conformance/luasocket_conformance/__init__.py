"""The suite: every behaviour of the specification as a pytest item.

It has the pytest plugin (:mod:`.plugin`, :mod:`.suite`) and the faulty ports (:mod:`.faults`), which show that the
specification detects mistakes. Behaviours are run and compared by the runners.
"""
