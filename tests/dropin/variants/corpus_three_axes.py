"""convert_one_hot that knows one axis and two."""

from common import ids, np


def convert_one_hot(corpus, vocab_size):
    N = corpus.shape[0]
    if corpus.ndim == 1:
        one_hot = np.zeros((N, vocab_size), dtype=np.int32)
        for k, word in enumerate(corpus):
            one_hot[k, word] = 1
    elif corpus.ndim == 2:
        one_hot = np.zeros((N, corpus.shape[1], vocab_size), dtype=np.int32)
        for k, words in enumerate(corpus):
            for j, word in enumerate(words):
                one_hot[k, j, word] = 1
    return one_hot


def run():
    for shape in ((24,), (4, 6), (2, 3, 4)):
        try:
            yield convert_one_hot(ids(9, *shape), 9)
        except UnboundLocalError as error:
            yield str(error)
