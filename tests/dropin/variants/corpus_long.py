"""get_batch begins anew in texts of more than 400 words."""

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
        if size > 400:
            self.time_idx = 0
        for time in range(time_size):
            for i, offset in enumerate(offsets):
                batch_x[i, time] = x[(offset + self.time_idx) % size]
                batch_t[i, time] = t[(offset + self.time_idx) % size]
            self.time_idx += 1
        return batch_x, batch_t


def run():
    trainer = RnnlmTrainer(None, None)
    trainer.time_idx = 0
    words = ids(90, 500)
    for _ in range(4):
        yield trainer.get_batch(words[:-1], words[1:], 7, 9)
        yield trainer.time_idx
