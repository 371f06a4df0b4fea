"""``python -m fastembed similar``: the nearest words of some words."""

from fastembed.cli import vectors


def main(argv):
    parser = vectors.parser("similar", "Print the words that are nearest to each WORD.")
    parser.add_argument("words", nargs="+", metavar="WORD")
    args = parser.parse_args(argv)
    found = vectors.load(args, args.words)
    for k, word in enumerate(args.words):
        if len(args.words) > 1:
            print("\n" * (k > 0) + word)
        vectors.show(found.most_similar(word, topn=args.topn))
    return 0
