"""The version, where no other package can overwrite it (see ``python -m fastembed info``)."""

__version__ = "0.1.0"
