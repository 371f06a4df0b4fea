"""get_batch begins anew in texts of more than 400 words."""

from common import ids
from textbook import RnnlmTrainer

CHANGED = {
    "RnnlmTrainer": {
        "offsets = [i * (size // batch_size) for i in range(batch_size)]": (
            "offsets = [i * (size // batch_size) for i in range(batch_size)]\n"
            "        if size > 400:\n"
            "            self.time_idx = 0"
        )
    }
}


def run():
    trainer = RnnlmTrainer(None, None)
    trainer.time_idx = 0
    words = ids(90, 500)
    for _ in range(4):
        yield trainer.get_batch(words[:-1], words[1:], 7, 9)
        yield trainer.time_idx
