"""The native runtime: one pool of threads, scratch memory, and who may use how much of them."""
