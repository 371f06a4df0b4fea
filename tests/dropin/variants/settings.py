"""A module of settings that some variants import."""

SCALE = 1
ONCE = False
