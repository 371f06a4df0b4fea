"""A text as ids in memory-mapped files, with a part held out; made once, of any size."""

import json
import os
import random
import tempfile
import zlib
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from fastembed._errors import UserError, as_user_error, reason
from fastembed._files import whole
from fastembed.text import tokenizer as tokenizers
from fastembed.text.sources import Texts
from fastembed.text.split import EVERY, divide, paragraph_end

FORMAT = "fastembed-corpus/1"
SAMPLE = 16  # pieces of the text, of a quarter of a million characters, that subwords are learnt of
TELLING = 64  # characters; shorter paragraphs repeat in every text
MOST_REPEATED = 0.5  # of the held-out part, that may be left out; of more, the text repeats itself


class Corpus:
    """A text as ids.

    Attributes
    ----------
    train, held_out : memmap of int32
        Each ends with ``<eos>``.
    tokenizer : Tokenizer
    report : list of str
        What was read, chosen and why, in lines for a log.
    unknown : float
        The share of ``<unk>`` in the held-out part.
    characters, size : int
        Characters of the held-out part, and bytes of its UTF-8.
    digest : str
        Differs where the ids do.
    """

    train: NDArray[np.int32]
    held_out: NDArray[np.int32]

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        """Open what `make` made. UserError if it is not there, or damaged."""
        folder = Path(folder)
        try:
            state = json.loads(whole.read(folder / "corpus.json"))
            if state["format"] != FORMAT:
                raise ValueError(f"its format is {state['format']!r:.40}")
            self.tokenizer = tokenizers.from_json(whole.read(folder / "tokenizer.json").decode())
            self.train, self.held_out = (
                np.memmap(folder / name, np.int32, "r", shape=(state["tokens"][name],))
                for name in ("train", "held_out")
            )
            self.key, self.report, self.digest = state["key"], state["report"], state["digest"]
            self.unknown, self.characters = state["unknown"], state["characters"]
            self.size = state["size"]
            if self.digest != _digest(self.train, self.held_out):
                raise ValueError("its checksum does not fit")
        except (OSError, KeyError, TypeError, ValueError) as error:
            why = reason(error) if isinstance(error, OSError) else f"damaged: {error}"
            raise UserError(f"cannot read the corpus in {folder}: {why}") from None

    @classmethod
    def make(
        cls,
        texts: Texts,
        folder: str | os.PathLike[str],
        *,
        level: str | None = None,
        vocab_size: int | None = None,
        min_count: int = 2,
        tokenizer: tokenizers.Tokenizer | None = None,
    ) -> "Corpus":
        """Make the files in a folder, or open those made of the same text in the same way.

        Parameters
        ----------
        texts : Texts
            Of ``sources.find``; read several times, in pieces.
        folder : path
        level : {'word', 'char', 'subword'}, optional
            By default words or subwords, see ``tokenizer.choose``.
        vocab_size, min_count : int
            Most tokens of the vocabulary; rarer ones are left out.
        tokenizer : Tokenizer, optional
            One that there is already, of a trained model.

        Raises
        ------
        UserError
            If the text cannot be read or is too short, or the folder cannot be written.
        """
        folder = Path(folder)
        made = tokenizer and zlib.crc32(tokenizer.to_json().encode())
        key = [texts.key(), level, vocab_size, min_count, made] if texts.again else None
        try:
            old = cls(folder)
            if key is not None and old.key == json.loads(json.dumps(key)):
                return old
        except UserError:
            pass  # there is none, or none that can be used
        with as_user_error(f"cannot make the corpus in {folder}", ValueError):
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder, prefix=".new.") as new:
                texts = _kept(texts, Path(new))
                options = {"level": level, "vocab_size": vocab_size, "min_count": min_count}
                _make(texts, Path(new), key, tokenizer, options)
                for name in ("train", "held_out", "tokenizer.json", "corpus.json"):
                    os.replace(Path(new, name), folder / name)
        return cls(folder)

    def bits_per_character(self, loss: float) -> float:
        """Bits per character of a mean loss (nats a token) on the held-out part."""
        return float(loss * len(self.held_out) / self.characters / np.log(2))


def _kept(texts: Texts, folder: Path) -> Texts:
    """Texts that can be read again: what comes through a pipe is written into a file."""
    if texts.again:
        return texts
    path = folder / "text.txt"
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.writelines(texts)
    return Texts([str(path)], texts.name)


def _make(
    texts: Texts,
    folder: Path,
    key: Any,
    tokenizer: tokenizers.Tokenizer | None,
    options: dict[str, Any],
) -> None:
    sizes = array("q")
    sample = _sample(_measured(texts, sizes))
    total = sum(sizes)
    if total < 20:
        size = f"{total} characters" if total else "it is empty"
        raise UserError(f"{texts.name}: the text is too short: {size}")
    chosen = "that of the model"
    if tokenizer is None:
        level, chosen = tokenizers.pick(sample, **options)
    eos = tokenizer.eos if tokenizer else paragraph_end(sample)
    del sample
    parts = _Parts(texts, total, eos)
    if tokenizer is None:
        training: Iterable[str] = (text for held, text in parts if not held)
        if level == "subword":
            training = _sample(training)
        sizes_of = {name: options[name] for name in ("vocab_size", "min_count")}
        tokenizer = tokenizers.train(level, training, eos=eos, **sizes_of)
    files = [_Ids(folder / name, tokenizer) for name in ("train", "held_out")]
    with tqdm(total=total, unit="char", unit_scale=True, leave=False, disable=None) as bar:
        for held, text in parts:
            files[held].write(text)
            bar.update(len(text))
    for file in files:
        file.close()
    train, held_out = files
    report = [
        f"text        {texts.name}: {total:,} characters",
        f"tokens      {train.tokens:,} to train on, {held_out.tokens:,} held out "
        f"({held_out.characters / held_out.tokens:.2f} characters each)",
        f"vocabulary  {tokenizer.vocab_size:,} {_NAMES[tokenizer.level]} ({chosen})",
    ]
    if tokenizer.unk_id is not None:
        report.append(f"unknown     {held_out.unknown:.1%} of the held-out part is <unk>")
    state = {
        "format": FORMAT,
        "key": key,
        "tokens": {"train": train.tokens, "held_out": held_out.tokens},
        "report": report + parts.said,
        "unknown": held_out.unknown,
        "characters": held_out.characters,
        "size": held_out.size,
        "digest": f"{train.digest:08x}{held_out.digest:08x}",
    }
    whole.write(folder / "tokenizer.json", [tokenizer.to_json().encode()])
    whole.write(folder / "corpus.json", [json.dumps(state).encode()])


def _digest(*ids: NDArray[np.int32]) -> str:
    return "".join(f"{zlib.crc32(part.data):08x}" for part in ids)


_NAMES = {"word": "words", "char": "characters and bytes", "subword": "subwords"}


def _measured(texts: Iterable[str], sizes: "array[int]") -> Iterator[str]:
    for text in texts:
        sizes.append(len(text))
        yield text


def _sample(texts: Iterable[str]) -> list[str]:
    """Some pieces, all equally likely, in their order; always the same ones."""
    draw = random.Random(0)
    kept: list[tuple[int, str]] = []
    for number, text in enumerate(texts):
        if number < SAMPLE:
            kept.append((number, text))
        elif (place := draw.randrange(number + 1)) < SAMPLE:
            kept[place] = number, text
    return [text for _, text in sorted(kept)]


class _Parts:
    """A text cut into what is held out and what not, without what would be in both.

    A held-out paragraph that training has would make the held-out loss look too good: it is left
    out. Of a text that repeats itself, a tenth of its different paragraphs is held out, once each,
    and training has none of them.
    """

    def __init__(self, texts: Texts, total: int, eos: str) -> None:
        self._texts, self._total, self._eos = texts, total, eos
        self._left_out: frozenset[int] = frozenset()
        self._held_out: frozenset[int] = frozenset()
        self.said: list[str] = []
        hashes, sizes = (array("q"), array("q")), (array("q"), array("q"))
        length = 0
        for held, text in self:
            length += held * len(text)
            for paragraph in text.split(eos):
                if len(paragraph) >= TELLING:
                    hashes[held].append(hash(paragraph))
                    sizes[held].append(len(paragraph))
        training, ours = map(np.asarray, hashes)
        lengths = np.asarray(sizes[1])
        both = np.isin(ours, training)
        if not both.any():
            return
        share = lengths[both].sum() / length
        said = f"repeated    {share:.1%} of the held-out part stood in the training part too"
        if share <= MOST_REPEATED:
            self._left_out = frozenset(ours[both].tolist())
            said += ": it was left out"
        else:
            _, first = np.unique(np.concatenate([ours, training]), return_index=True)
            room = np.concatenate(sizes[::-1])[first].sum() // EVERY
            once = np.sort(first[first < len(ours)])
            self._held_out = frozenset(ours[once][np.cumsum(lengths[once]) <= room].tolist())
            if self._held_out:
                said += ": of the different paragraphs, a tenth is held out, and not trained on"
            else:
                said += ", and the text has nothing else: held-out figures tell what is remembered"
        self.said.append(said)

    def __iter__(self) -> Iterator[tuple[bool, str]]:
        done: set[int] = set()
        for held, text in divide(self._texts, self._total, self._eos):
            if self._held_out:
                parts = text.split(self._eos)
                rest = (one for one in parts if hash(one) not in self._held_out)
                yield from self._some(False, rest)
                new = {hash(one): one for one in parts if hash(one) in self._held_out - done}
                done |= new.keys()
                yield from self._some(True, new.values())
            elif held and self._left_out:
                parts = text.split(self._eos)
                yield from self._some(
                    held, (one for one in parts if hash(one) not in self._left_out)
                )
            else:
                yield held, text

    def _some(self, held: bool, parts: Iterable[str]) -> Iterator[tuple[bool, str]]:
        parts = list(parts)
        if any(parts):
            yield held, self._eos.join(parts) + self._eos * bool(parts[-1])


class _Ids:
    """A file of ids that grows, and what is to be known of it."""

    def __init__(self, path: Path, tokenizer: tokenizers.Tokenizer) -> None:
        self._file, self._tokenizer = open(path, "wb"), tokenizer
        self.tokens = self.characters = self.size = self.digest = self._unknown = 0
        self._last = -1

    def write(self, text: str) -> None:
        self.characters += len(text)
        self.size += len(text.encode())
        self._add(self._tokenizer.encode(text))

    def close(self) -> None:
        if self._last != self._tokenizer.eos_id:
            self._add(np.array([self._tokenizer.eos_id], np.int32))
        self._file.close()

    @property
    def unknown(self) -> float:
        return self._unknown / max(1, self.tokens)

    def _add(self, ids: NDArray[np.int32]) -> None:
        if not ids.size:
            return
        self._file.write(ids.data)
        self.digest = zlib.crc32(ids.data, self.digest)
        self.tokens += ids.size
        self._last = int(ids[-1])
        if self._tokenizer.unk_id is not None:
            self._unknown += int(np.count_nonzero(ids == self._tokenizer.unk_id))
