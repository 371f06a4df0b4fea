"""``python -m fastembed similar``: the nearest words of some words."""

from fastembed.cli import vectors
from fastembed.tasks import plots


def main(argv):
    example = "word2vec.safetensors list"
    parser = vectors.parser("similar", "Print the words that are nearest to each WORD.", example)
    parser.add_argument("words", nargs="+", metavar="WORD")
    picture = "draw the words and their neighbours in two dimensions"
    parser.add_argument("--plot", metavar="PNG", help=picture)
    args = parser.parse_intermixed_args(argv)
    found = vectors.load(args, args.words)
    groups = []
    for k, word in enumerate(args.words):
        if len(args.words) > 1:
            print("\n" * (k > 0) + word)
        near = found.most_similar(word, topn=args.topn)
        vectors.show(near)
        groups.append([word, *(name for name, _ in near)])
    if args.plot:
        print(f"\npicture     {plots.vectors(args.plot, groups, found)}")
    return 0
