"""Text as people have it, in any language and of any size: read, cut into tokens, kept as ids."""

from fastembed.text.corpus import Corpus
from fastembed.text.sources import Texts, find
from fastembed.text.tokenizer import (
    CharTokenizer,
    SubwordTokenizer,
    Tokenizer,
    WordTokenizer,
    choose,
    from_json,
    words,
)

__all__ = [
    "CharTokenizer",
    "Corpus",
    "SubwordTokenizer",
    "Texts",
    "Tokenizer",
    "WordTokenizer",
    "choose",
    "find",
    "from_json",
    "words",
]
