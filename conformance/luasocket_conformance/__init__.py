"""The suite: every behaviour of the specification as a pytest item.

What lives here: the pytest plugin (:mod:`.plugin`, :mod:`.suite`) and the deliberately wrong ports (:mod:`.wrong`)
that measure how strong the specification is (:mod:`.strength`). What may not: knowledge of how a behaviour
is played or compared (the runners), or of what is right (the specification).
"""
