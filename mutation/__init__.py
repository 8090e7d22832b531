"""Mutation testing of the reference: its code changed in one place at a time, and the specification run on each mutant.

cosmic-ray makes the mutants. Its own way to run them, a command for each, would start Python and load the specification
each time, and changes files in place. Here one process loads everything but the reference and is forked for each
mutant: the copy imports the reference with one module changed, and nothing is written. Before that, each behaviour runs
once on the unchanged reference, to record its duration and the lines that it executes. A mutant inside a function is
run only by behaviours that execute the changed statement: first those that killed other mutants of the function, then
the fastest.

``python -m mutation --help`` shows the command; ``equivalent.yaml`` explains survivors, and ``RESULTS.md`` is the last
page of results.
"""
