"""``python -m fastembed analogy``: what is to C as B is to A."""

from fastembed.cli import vectors


def main(argv):
    parser = vectors.parser("analogy", "Print what is to C as B is to A.")
    for name in "ABC":
        parser.add_argument(name.lower(), metavar=name)
    args = parser.parse_args(argv)
    found = vectors.load(args, (args.a, args.b, args.c))
    vectors.show(found.analogy(args.a, args.b, args.c, topn=args.topn))
    return 0
