"""Accelerate somebody else's book-style classes: in place, only where they behave the same, undone.

``python -m fastembed run SCRIPT``, ``%load_ext fastembed``, or `install` first in a program.
In the order of reading: `hook` sees the user's modules, `session` takes up their classes,
`known` says which those are and `domain` which of their calls fit,
`reading` reads the code; at the first call `scenarios` and `probe` try it and `alike` compares,
`site` gives a function another body, `patch` decides call by call,
`works` does what ours do not do as they are, `hidden` makes what ours have no use for,
`watch` chooses the real calls to compare, `reporting` tells, `runner` runs a script.
"""

from fastembed._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
