"""create_co_matrix of a corpus with two axes."""

from book import create_co_matrix
from common import ids


def run():
    for corpus in (ids(9, 40), ids(9, 40).reshape(8, 5)):
        try:
            yield create_co_matrix(corpus, 9)
        except Exception as error:
            yield type(error).__name__
