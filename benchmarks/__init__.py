"""The whole benchmark: ``python -m benchmarks`` from the project's root.

Cases, contenders and runner are those of ``fastembed.bench``; this adds training steps by layer,
the runtime's own figures, start-up, memory, interference, the book's scripts, goals, and README's
table.
"""
