"""convert_one_hot of negative and of no words."""

from book import convert_one_hot
from common import ids


def run():
    for corpus in (ids(9, 40) - 4, ids(9, 0), ids(9, 4, 0), ids(9, 4, 3)):
        yield convert_one_hot(corpus, 9)
    try:
        yield convert_one_hot(ids(9, 40) + 4, 9)
    except IndexError as error:
        yield type(error).__name__
