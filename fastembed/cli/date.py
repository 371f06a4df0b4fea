"""Task ``date``: learn to read dates in many formats, and draw what the model looked at."""

from fastembed.cli import plots, questions, seq2seq

DEFAULTS = {
    "model": "AttentionSeq2seq",
    "examples": 20000,
    "embed": 16,
    "hidden": 128,
    "batch": 64,
    "epochs": 4,
    "lr": 0.004,
    "max_grad": 5.0,
}
DRAWN = 3


def run(options, given):
    """Train, answer, and write the files; returns the exit status."""
    model, asked, xs, chars, folder = seq2seq.run("date", questions.dates, options)
    if options.model != "AttentionSeq2seq":
        return 0
    start = chars.index(questions.START)
    examples = []
    for k in range(DRAWN):
        guess = seq2seq.answers(model, xs[[k]], start, 10)
        weights = [row[0][::-1] for row in model.decoder.attention.attention_weights]
        target = [chars[c] for c in guess[0]]
        source = [chars[c] for c in xs[k, ::-1]]
        examples.append((source, target, weights))
    print(f"attention   {plots.attention(folder / 'date-attention.png', examples)}")
    return 0
