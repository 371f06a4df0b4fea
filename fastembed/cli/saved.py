"""The model that a command is to use."""

from fastembed._errors import UserError
from fastembed.tasks.checkpoint import reading


def model_of(path, method, kind):
    """The saved model at path, which must have a method and a tokenizer; kind names such models."""
    from fastembed import load

    with reading(path):
        model = load(path)
    if not hasattr(model, method):
        raise UserError(f"{path} holds a {type(model).__name__}, not {kind}")
    if model.tokenizer is None:
        raise UserError(f"{path} holds no vocabulary: it can be used from Python alone")
    return model
