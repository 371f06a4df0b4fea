"""create_contexts_target with windows of 0 and of more than there is."""

from book import create_contexts_target
from common import ids


def run():
    for size in (0, 1, 3, 9, 20):
        contexts, target = create_contexts_target(ids(9, 18), size)
        yield contexts, target, str(contexts.dtype), str(target.dtype)
