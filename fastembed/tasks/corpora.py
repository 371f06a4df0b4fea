"""The text of a task, as ids in the run's folder."""

import shutil
import tempfile

from fastembed.tasks.values import UserError
from fastembed.text import corpus, sources

# options about text
DEFAULTS = {"text": [], "level": None, "min_count": 2, "encoding": None, "column": None}


def read(options, file):
    """The text that is asked for; where training goes on, it must be that of the model."""
    place = file.beside("-corpus")
    if file.saved is None:
        return _make(options, place)
    if not options.text and place.exists():
        return corpus.Corpus(place)
    with tempfile.TemporaryDirectory(dir=file.path.parent, prefix=".corpus.") as other:
        found = _make(options, other, file.saved.tokenizer)
        if found.digest != file.saved.training["progress"].get("data"):
            raise UserError(f"{file.path} was trained on another text; name the same to go on")
        if not place.exists():
            shutil.copytree(other, place)
    return corpus.Corpus(place)


def _make(options, place, tokenizer=None):
    texts = sources.find(options.text, column=options.column, encoding=options.encoding)
    sizes = {"level": options.level, "min_count": options.min_count}
    return corpus.Corpus.make(texts, place, tokenizer=tokenizer, **sizes)
