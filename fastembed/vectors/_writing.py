"""Files of word vectors, written whole."""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fastembed._files import tensors, whole
from fastembed.vectors._reading import MATRIX, WORDS
from fastembed.vectors._words import WordVectors

ENDINGS = {
    ".txt": "word2vec",
    ".vec": "word2vec",
    ".bin": "word2vec-binary",
    ".safetensors": "safetensors",
}
ROWS = 1 << 10  # that are made into bytes together


def save(
    path: str | os.PathLike[str], words: Sequence[str], vectors: Any, *, format: str | None = None
) -> None:
    """Write word vectors; the file at path is the old one or the new one, never a part of one.

    Parameters
    ----------
    path : str or path
    words : list of str
        All different; in word2vec's formats not empty, and without blanks.
    vectors : (V, D) ndarray of float16, float32 or float64
    format : {'word2vec', 'word2vec-binary', 'safetensors'}, optional
        By default what the name's ending tells: ``.txt`` or ``.vec``, ``.bin``, ``.safetensors``.
        Text and safetensors keep every bit of float32; binary is float32. A safetensors file has
        the matrix ``word_vectors``, and the words as JSON under ``vocabulary`` in its metadata.

    Raises
    ------
    OSError
        If the file cannot be written.
    ValueError
        If a format cannot hold a word.
    """
    known = sorted(set(ENDINGS.values()))
    if format is None:
        format = ENDINGS.get(Path(path).suffix.lower())
        if format is None:
            raise ValueError(f"format must be given for a path that ends in none of {[*ENDINGS]}")
    elif format not in known:
        raise ValueError(f"format must be one of {', '.join(known)}, got {format!r}")
    wv = WordVectors(words, vectors)
    if format == "safetensors":
        metadata = {WORDS: json.dumps(wv.words, ensure_ascii=False)}
        tensors.write(path, {MATRIX: wv.vectors}, metadata)
        return
    for word in wv.words:
        if not word or any(blank in word for blank in " \t\r\n"):
            raise ValueError(f"words must not be empty or have blanks in {format}, got {word!r}")
    whole.write(path, _word2vec(wv, binary=format == "word2vec-binary"))


def _word2vec(wv: WordVectors, binary: bool) -> Iterator[bytes]:
    V, D = wv.vectors.shape
    yield f"{V} {D}\n".encode()
    digits = 17 if wv.vectors.dtype == np.float64 else 9
    pattern = "%s" + f" %.{digits}g" * D + "\n"
    for lo in range(0, V, ROWS):
        words, block = wv.words[lo : lo + ROWS], wv.vectors[lo : lo + ROWS]
        if binary:
            block = block.astype("<f4")
            pairs = zip(words, block, strict=True)
            yield b"".join(word.encode() + b" " + row.tobytes() + b"\n" for word, row in pairs)
        else:
            rows = zip(words, block.tolist(), strict=True)
            yield "".join(pattern % (word, *row) for word, row in rows).encode()
