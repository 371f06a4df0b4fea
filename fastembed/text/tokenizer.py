"""Text to ids and back, by words, characters or subwords; each tokenizer is saved as JSON.

Words and subwords carry the space before them: ``a cat`` is ``" a", " cat"``. So that a word is
the same token at the start of a line, one more space is put before every word that has not exactly
one, and taken away again by ``decode``.
"""

import codecs
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from fastembed.text.split import divide, paragraph_end

UNK, EOS = "<unk>", "<eos>"
MOST_UNK = 0.02  # words that leave more of the held-out part unknown give way to subwords
MOST_UNSPACED = 0.2  # so do those of a text with more letters of scripts without spaces
MOST_WORDS, MOST_SUBWORDS, MOST_CHARACTERS = 20_000, 8_000, 8_000
COUNTED = 1_000_000  # different words that are counted at a time

_UNSPACED = re.compile(r"(?<!\S)(?<!\S )(?=\S)")  # where `_spaced` puts a space
_SPARE = re.compile(r"(?<=\s) (?=\S)")  # what it put, after a character that stands before the text
_BYTES = [bytes([k]) for k in range(256)]


def _spaced(text: str) -> str:
    return _UNSPACED.sub(" ", text)


class Tokenizer:
    """What the tokenizers share.

    Attributes
    ----------
    level : str
        ``'word'``, ``'char'`` or ``'subword'``.
    eos : str
        What ends a paragraph, ``"\\n\\n"`` or ``"\\n"``: it is the token ``<eos>``.
    eos_id : int
    unk_id : int or None
        The id of ``<unk>``; None if every text has ids.
    tokens : list of str
        How the tokens are written, for people: ``"<eos>"``, ``" cat"``, ``"<0xEA>"`` (a byte).
    """

    level: ClassVar[str]
    eos_id: ClassVar[int] = 0
    unk_id: ClassVar[int | None] = None
    tokens: list[str]
    _bytes: list[bytes]  # of each token

    def __init__(self, eos: str) -> None:
        if eos not in ("\n", "\n\n"):
            raise ValueError(f"eos must be one or two line ends, got {eos!r:.40}")
        self.eos = eos

    @classmethod
    def train(
        cls,
        texts: Iterable[str],
        vocab_size: int | None = None,
        min_count: int = 2,
        eos: str = "\n\n",
    ) -> Self:
        """A tokenizer of the most frequent tokens, those that come at least min_count times.

        Subwords are learnt of texts in memory; without vocab_size, their number grows with these.
        """
        return cls._learnt(texts, vocab_size, min_count, eos)

    @classmethod
    def _learnt(cls, texts: Iterable[str], size: int | None, least: int, eos: str) -> Self:
        raise NotImplementedError

    @property
    def vocab_size(self) -> int:
        return len(self._bytes)

    def encode(self, text: str) -> NDArray[np.int32]:
        """Ids of a text. ValueError for half a surrogate pair, which UTF-8 has no bytes for."""
        try:
            text.encode()
        except UnicodeEncodeError as error:
            where = f"{text[error.start]!r} at position {error.start}"
            raise ValueError(f"text must be Unicode text, got {where}") from None
        end = np.array([self.eos_id], np.int32)
        ids = self._encode(text.split(self.eos))
        return np.concatenate(list(chain.from_iterable((part, end) for part in ids))[:-1])

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids; where bytes make no character, the sign ``�``.

        IndexError for an id out of bounds.
        """
        data = b"".join(map(self._piece, ids))
        return self._written("\n" + data.decode("utf-8", "replace"))[1:]

    def stream(self, ids: Iterable[int]) -> Iterator[str]:
        """The text of ids as they come, in pieces: characters that are whole, words as they end."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        last, held = "\n", ""  # a space is held back until it is known what follows
        for k in ids:
            text = held + decoder.decode(self._piece(k))
            held = " " if text.endswith(" ") else ""
            text = text.removesuffix(" ")
            if text:
                yield self._written(last + text)[1:]
                last = text[-1]
        yield held + decoder.decode(b"", final=True)

    def _piece(self, k: int) -> bytes:
        if not 0 <= k < len(self._bytes):
            raise IndexError(f"id {k} is out of bounds for {self.vocab_size} tokens")
        return self._bytes[k]

    def to_json(self) -> str:
        """The tokenizer as text, for `from_json`."""
        return json.dumps({"level": self.level, "eos": self.eos, **self._state()})

    def _begin_with_bytes(self, vocabulary: Iterable[str]) -> None:
        """Have the end mark, 256 bytes and these as tokens."""
        self.tokens = [EOS, *(f"<0x{k:02X}>" for k in range(256)), *vocabulary]
        self._bytes = [self.eos.encode(), *_BYTES, *(one.encode() for one in vocabulary)]

    def _encode(self, parts: list[str]) -> Iterable[NDArray[np.int32]]:
        raise NotImplementedError

    def _written(self, text: str) -> str:
        return _SPARE.sub("", text)

    def _state(self) -> dict[str, Any]:
        raise NotImplementedError


class WordTokenizer(Tokenizer):
    """Words, numbers, marks and white space, as Unicode's properties tell them; case is kept.

    Ideographs, kana and the letters of scripts without spaces are tokens of their own. The text
    comes back but for words that are not in the vocabulary: they are ``<unk>``.

    Parameters
    ----------
    words : iterable of str
        The vocabulary after ``<unk>`` and ``<eos>``.
    eos : str
    """

    level = "word"
    unk_id = 0
    eos_id = 1

    def __init__(self, words: Iterable[str], eos: str = "\n\n") -> None:
        super().__init__(eos)
        words = list(words)
        self.tokens = [UNK, EOS, *words]
        self._bytes = [word.encode() for word in (f" {UNK}", eos, *words)]
        self._ids = {word: k for k, word in enumerate(words, 2)}
        self._find = _tokens().finditer

    @classmethod
    def _learnt(cls, texts: Iterable[str], size: int | None, least: int, eos: str) -> Self:
        counts = count(texts, eos)
        for own in (UNK, f" {UNK}"):
            counts.pop(own, None)
        common = counts.most_common(max(0, (size or MOST_WORDS) - 2))
        return cls((word for word, n in common if n >= least), eos)

    def _encode(self, parts: list[str]) -> Iterable[NDArray[np.int32]]:
        find = self._ids.get
        for part in parts:
            found = self._find(_spaced(part))
            yield np.array([find(match.group(), 0) for match in found], np.int32)

    def _state(self) -> dict[str, Any]:
        return {"words": self.tokens[2:]}


class CharTokenizer(Tokenizer):
    """Characters (Unicode code points); one that is not in the vocabulary is written in its bytes.

    Parameters
    ----------
    characters : str
        The vocabulary after ``<eos>`` and 256 bytes.
    eos : str
    """

    level = "char"

    def __init__(self, characters: str, eos: str = "\n\n") -> None:
        super().__init__(eos)
        self._characters = characters
        self._begin_with_bytes(characters)
        codes = np.frombuffer(characters.encode("utf-32-le"), np.uint32)
        self._ids = np.zeros(0x110000, np.int32)
        self._ids[codes] = np.arange(257, 257 + len(codes))

    @classmethod
    def _learnt(cls, texts: Iterable[str], size: int | None, least: int, eos: str) -> Self:
        common = _characters(texts).most_common(max(0, (size or MOST_CHARACTERS) - 257))
        return cls("".join(one for one, n in common if n >= least), eos)

    def _encode(self, parts: list[str]) -> Iterable[NDArray[np.int32]]:
        for part in parts:
            ids = self._ids[np.frombuffer(part.encode("utf-32-le"), np.uint32)]
            if not ids.all():
                spelt = (
                    [k] if k else [byte + 1 for byte in one.encode()]
                    for k, one in zip(ids.tolist(), part, strict=True)
                )
                ids = np.array(list(chain.from_iterable(spelt)), np.int32)
            yield ids

    def _written(self, text: str) -> str:
        return text

    def _state(self) -> dict[str, Any]:
        return {"characters": self._characters}


class SubwordTokenizer(Tokenizer):
    """Parts of words by byte-pair encoding (Sennrich et al., 2016), with Hugging Face tokenizers.

    A character that is not in the vocabulary is written in its bytes.

    Parameters
    ----------
    vocabulary : list of str
        What follows ``<eos>`` and 256 bytes: characters, then what each merge makes.
    merges : list of pairs of str
    eos : str
    """

    level = "subword"

    def __init__(
        self, vocabulary: list[str], merges: list[tuple[str, str]], eos: str = "\n\n"
    ) -> None:
        from tokenizers import Tokenizer as Whole
        from tokenizers.models import BPE

        super().__init__(eos)
        self._begin_with_bytes(vocabulary)
        self._merges = merges
        ids = {token: k for k, token in enumerate(self.tokens) if k}
        self._whole = Whole(BPE(vocab=ids, merges=merges, byte_fallback=True))
        self._whole.pre_tokenizer = _pre_tokenizer()

    @classmethod
    def _learnt(cls, texts: Iterable[str], size: int | None, least: int, eos: str) -> Self:
        from tokenizers import Tokenizer as Whole
        from tokenizers.models import BPE
        from tokenizers.trainers import BpeTrainer

        texts = list(texts)
        counts = _characters([" ", " ", *texts])
        length = counts.total()
        common = [one for one, n in counts.most_common() if n >= least]
        if size is None:
            merges = min(max(length // 200, 400), MOST_SUBWORDS)
            size = min(257 + len(common) + merges, MOST_SUBWORDS)
        # ideographs may be more than there is room for, and leave none for merges
        common = common[: max(1, (size - 257) * 3 // 4)]
        whole = Whole(BPE())
        whole.pre_tokenizer = _pre_tokenizer()
        trainer = BpeTrainer(
            vocab_size=max(1, size - 257),
            min_frequency=least,
            initial_alphabet=common,
            limit_alphabet=len(common),
            max_token_length=24,
            show_progress=False,
        )
        paragraphs = chain.from_iterable(text.split(eos) for text in texts)
        whole.train_from_iterator(map(_spaced, paragraphs), trainer)
        model = json.loads(whole.to_str())["model"]
        vocabulary = sorted(model["vocab"], key=model["vocab"].get)
        return cls(vocabulary, [_pair(merge) for merge in model["merges"]], eos)

    def _encode(self, parts: list[str]) -> Iterable[NDArray[np.int32]]:
        texts = list(map(_spaced, parts))
        for encoding in self._whole.encode_batch_fast(texts, add_special_tokens=False):
            yield np.array(encoding.ids, np.int32)

    def _state(self) -> dict[str, Any]:
        return {"vocabulary": self.tokens[257:], "merges": self._merges}


KINDS: dict[str, type[Tokenizer]] = {
    kind.level: kind for kind in (WordTokenizer, CharTokenizer, SubwordTokenizer)
}


def _pair(merge: Any) -> tuple[str, str]:
    first, second = merge
    return first, second


_NO_SPACES = r"\p{Han}\p{Hiragana}\p{Line_Break=Complex_Context}"


def _is_unspaced(one: str) -> bool:
    import regex

    return regex.match(rf"[{_NO_SPACES}]", one) is not None


def _word_pattern() -> str:
    word = rf"[[\w\p{{Join_Control}}]--[{_NO_SPACES}]]+"
    return rf"\p{{N}}+(?:[.,]\p{{N}}+)+|[{_NO_SPACES}]\p{{M}}*|{word}(?:['’-]{word})*"


def _tokens() -> Any:
    import regex

    return regex.compile(rf"(?V1) ?(?:<unk>|{_word_pattern()}|([^\w\s])\1{{0,15}})|\s+(?= \S)|\s+")


def words(text: str) -> list[str]:
    """The words and numbers of a text, without spaces and marks."""
    import regex

    found: list[str] = regex.findall(f"(?V1){_word_pattern()}", text)
    return found


def _pre_tokenizer() -> Any:
    from tokenizers import Regex
    from tokenizers.pre_tokenizers import Split

    letters = r"[\p{L}\p{M}\x{200C}\x{200D}]+"
    pattern = (
        rf"(?<=\p{{L}})['’]{letters}| ?{letters}| ?\p{{N}}{{1,3}}"
        r"| ?[^\s\p{L}\p{M}\p{N}]+|\s+(?= \S)|\s+"
    )
    return Split(Regex(pattern), "isolated")


def _characters(texts: Iterable[str]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(text)
    return counts


def count(texts: Iterable[str], eos: str = "\n\n") -> Counter[str]:
    """Count the words of texts as `WordTokenizer` has them; of very many, rare ones are dropped."""
    find = _tokens().finditer
    counts: Counter[str] = Counter()
    for text in texts:
        for part in text.split(eos):
            counts.update(match.group() for match in find(_spaced(part)))
        if len(counts) > COUNTED:
            least = sorted(counts.values())[len(counts) // 2]
            counts = Counter({word: n for word, n in counts.items() if n > least})
    return counts


def from_json(text: str) -> Tokenizer:
    """The tokenizer that ``to_json`` wrote. ValueError if the text is none."""
    try:
        state = json.loads(text)
        level, eos = state.pop("level"), state.pop("eos")
        if level == "word":
            tokenizer: Tokenizer = WordTokenizer(_strings(state.pop("words")), eos)
        elif level == "char":
            tokenizer = CharTokenizer("".join(_strings([state.pop("characters")])), eos)
        elif level == "subword":
            merges = [_pair(_strings(merge)) for merge in state.pop("merges")]
            tokenizer = SubwordTokenizer(_strings(state.pop("vocabulary")), merges, eos)
        else:
            raise ValueError(f"level {level!r:.40}")
    except Exception as error:  # the libraries raise theirs for merges that do not fit
        raise ValueError(f"not a tokenizer ({' '.join(str(error).split()):.200})") from None
    return tokenizer


def _strings(values: Any) -> list[str]:
    if type(values) is not list or not all(type(value) is str for value in values):
        raise ValueError("words must be a list of text")
    return values


def choose(
    sample: str | Iterable[str],
    level: str | None = None,
    *,
    vocab_size: int | None = None,
    min_count: int = 2,
) -> tuple[Tokenizer, str]:
    """A tokenizer trained on a text, which may come in pieces, and why this one.

    By default words; subwords where words would leave more than 2 % of a held-out part ``<unk>``,
    or where the script sets no spaces between words (Chinese, Japanese, Thai, Lao, Khmer, Burmese).
    """
    sample = [sample] if isinstance(sample, str) else list(sample)
    level, reason = pick(sample, level, vocab_size=vocab_size, min_count=min_count)
    eos = paragraph_end(sample)
    return train(level, sample, vocab_size=vocab_size, min_count=min_count, eos=eos), reason


def train(
    level: str,
    texts: Iterable[str],
    *,
    vocab_size: int | None = None,
    min_count: int = 2,
    eos: str = "\n\n",
) -> Tokenizer:
    """The tokenizer of a level, trained on texts."""
    if level not in KINDS:
        raise ValueError(f"level must be one of {', '.join(KINDS)}, got {level!r:.40}")
    least = 3 if level == "word" else 258
    if vocab_size is not None and vocab_size < least:
        raise ValueError(f"vocab_size of level {level} must be at least {least}, got {vocab_size}")
    return KINDS[level].train(texts, vocab_size, min_count, eos)


def pick(
    sample: list[str],
    level: str | None = None,
    *,
    vocab_size: int | None = None,
    min_count: int = 2,
) -> tuple[str, str]:
    """The level for a text, see `choose`, and why."""
    if level is not None:
        return level, "as asked"
    counts = _characters(sample)
    letters = sum(n for one, n in counts.items() if one.isalpha())
    unspaced = sum(n for one, n in counts.items() if _is_unspaced(one))
    if unspaced > MOST_UNSPACED * letters:
        return "subword", "the script sets no spaces between words"
    eos = paragraph_end(sample)
    parts: tuple[list[str], list[str]] = ([], [])
    for held, text in divide(sample, sum(map(len, sample)), eos):
        parts[held].append(text)
    words = WordTokenizer.train(parts[0], vocab_size, min_count, eos)
    held_out = count(parts[1], eos)
    known = {*words.tokens, UNK, f" {UNK}"}
    unknown = sum(n for word, n in held_out.items() if word not in known)
    share = unknown / max(1, held_out.total())
    found = f"words would leave {share:.1%} of the held-out part <unk>"
    if share > MOST_UNK:
        return "subword", f"{found}, more than {MOST_UNK:.0%}"
    return "word", f"{found}, at most {MOST_UNK:.0%}"
