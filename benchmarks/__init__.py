"""The whole benchmark: ``python -m benchmarks`` from the project's root.

Cases, contenders and runner are those of ``fastembed.bench``; this adds the full set of cells,
scaling, training steps by layer, start-up, memory, interference, goals, and the plots.
"""
