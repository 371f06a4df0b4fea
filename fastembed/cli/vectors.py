"""What ``similar`` and ``analogy`` share: a file of word vectors, words that it must have."""

from fastembed._errors import UserError, reason
from fastembed.cli.options import Parser
from fastembed.tasks.values import integer

FILE = (
    "word vectors: what 'train --task word2vec' wrote, or its folder; word2vec or fastText text "
    "(.vec), GloVe, word2vec binary, .npy with its words in a .txt beside it"
)


def parser(command, description, example):
    """A parser of what both commands take."""
    prog = f"python -m fastembed {command}"
    made = Parser(prog=prog, description=description, examples=[f"{prog} {example}"])
    made.add_argument("file", metavar="FILE", help=FILE)
    topn = "how many words (default: %(default)s)"
    made.add_argument("--topn", type=integer(1), default=10, metavar="N", help=topn)
    limit = "read the first N words of the file only"
    made.add_argument("--limit", type=integer(1), metavar="N", help=limit)
    return made


def load(args, words):
    """The file's word vectors; refuse words that it does not have."""
    from fastembed import base_model, vectors

    try:
        found = vectors.load(base_model.find(args.file), limit=args.limit)
    except OSError as error:
        raise UserError(f"cannot read {args.file}: {reason(error)}") from None
    except ValueError as error:
        raise UserError(str(error)) from None
    unknown = ", ".join(repr(word) for word in words if word not in found)
    if unknown:
        raise UserError(f"{args.file}: none of its {len(found)} words is {unknown}")
    return found


def show(pairs):
    """Print words with their similarity."""
    for word, score in pairs:
        print(f"{score:7.4f}  {word}")
