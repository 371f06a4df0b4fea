"""uninstall() after an update and a batch repeats neither."""

from common import ids, normal, turn_off_and_on
from textbook import SGD, RnnlmTrainer


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
