"""``python -m fastembed generate``: text from a language model, as it comes."""

import sys

from fastembed._errors import UserError
from fastembed.cli.options import Parser, add_threads, use_threads
from fastembed.cli.saved import model_of
from fastembed.tasks.values import OPTIONS, integer, number


def main(argv):
    parser = Parser(
        prog="python -m fastembed generate",
        description="Write text with a language model that 'train' saved.",
        examples=[
            "python -m fastembed generate fastembed-train --prompt 'The list'",
            "python -m fastembed generate lm.safetensors --temperature 0.7 --top-k 40",
        ],
    )
    add = parser.add_argument
    add("model", metavar="MODEL", help="a file that 'train' saved, or its folder")
    add("--prompt", default="", metavar="TEXT", help="what the text begins with; - reads it")
    add("--length", type=integer(1), default=100, metavar="N", help="tokens to write (100)")
    likeliest = "higher is bolder, 0 takes the likeliest word (0.8)"
    add("--temperature", type=number(0), default=0.8, metavar="X", help=likeliest)
    add("--top-k", type=integer(1), metavar="N", help="choose among the N likeliest tokens")
    share = "choose among the likeliest that have this share together"
    add("--top-p", type=number(0, above=True, high=1), metavar="X", help=share)
    beam = "do not choose: look for the likeliest text, with N candidates"
    add("--beam", type=integer(1), metavar="N", help=beam)
    add("--stop", metavar="TEXT", help="end before this text comes")
    seed = "of the choice; without, each run writes another text"
    add("--seed", type=OPTIONS["seed"][0], metavar="N", help=seed)
    add_threads(parser)
    args = parser.parse_args(argv)
    if args.beam and (args.top_k or args.top_p):
        parser.error("argument --beam: chooses nothing, so --top-k and --top-p have no meaning")
    use_threads(args.threads)
    model = model_of(args.model, "stream", "a language model")

    import numpy as np

    np.random.seed(args.seed)
    prompt = sys.stdin.read().rstrip("\n") if args.prompt == "-" else args.prompt
    options = dict(stop=args.stop, sample_size=args.length + 1)
    try:
        if args.beam:
            print(model.generate(prompt, beam_size=args.beam, **options), flush=True)
            return 0
        choice = dict(temperature=args.temperature, top_k=args.top_k, top_p=args.top_p)
        pieces = model.stream(prompt, **options, **choice)
    except ValueError as error:  # half a surrogate pair in the prompt
        raise UserError(str(error)) from None
    print(prompt, end="", flush=True)
    for piece in pieces:
        print(piece, end="", flush=True)
    print(flush=True)
    return 0
