"""uninstall() after an update and a batch repeats neither."""

from common import ids, normal, np, turn_off_and_on


class SGD:
    def __init__(self, lr=0.01):
        self.lr = lr

    def update(self, params, grads):
        for i in range(len(params)):
            params[i] -= self.lr * grads[i]


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
    optimizer, params = SGD(), [normal(80, 70)]
    optimizer.update(params, [normal(80, 70)])
    trainer = RnnlmTrainer(None, None)
    trainer.time_idx = 0
    words = ids(90, 500)
    yield trainer.get_batch(words, words, 7, 9)
    turn_off_and_on()
    yield params, trainer.time_idx
    optimizer.update(params, [normal(80, 70)])
    yield trainer.get_batch(words, words, 7, 9)
    yield params, trainer.time_idx
