"""get_batch of short texts, of other lengths, of a time index that is none."""

from common import ids, np


class RnnlmTrainer:
    def __init__(self, model, optimizer):
        self.model = model
        self.optimizer = optimizer
        self.time_idx = None

    def get_batch(self, x, t, batch_size, time_size):
        batch_x = np.empty((batch_size, time_size), dtype="i")
        batch_t = np.empty((batch_size, time_size), dtype="i")
        size = len(x)
        offsets = [i * (size // batch_size) for i in range(batch_size)]
        for time in range(time_size):
            for i, offset in enumerate(offsets):
                batch_x[i, time] = x[(offset + self.time_idx) % size]
                batch_t[i, time] = t[(offset + self.time_idx) % size]
            self.time_idx += 1
        return batch_x, batch_t


def run():
    trainer = RnnlmTrainer(None, None)
    words = ids(90, 30)
    for start, size, time_size in (
        (0, 40, 3),
        (-7, 4, 3),
        (2.0, 4, 3),
        (None, 4, 3),
        (0, 0, 3),
        (0, 4, 0),
    ):
        trainer.time_idx = start
        try:
            yield trainer.get_batch(words, words[:20], size, time_size)
        except Exception as error:
            yield type(error).__name__
        yield trainer.time_idx
