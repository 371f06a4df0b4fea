"""The model that a command is to use."""

from fastembed._errors import UserError, reason


def model_of(path, method, kind):
    """The saved model at path, which must have a method and a tokenizer; kind names such models."""
    from fastembed import load

    try:
        model = load(path)
    except FileNotFoundError as error:
        raise UserError(str(error)) from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {reason(error)}") from None
    except ValueError as error:
        raise UserError(" ".join(str(error).split())) from None
    if not hasattr(model, method):
        raise UserError(f"{path} holds a {type(model).__name__}, not {kind}")
    if model.tokenizer is None:
        raise UserError(f"{path} holds no vocabulary: it can be used from Python alone")
    return model
