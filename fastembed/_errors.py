"""The error that a user can mend."""

from collections.abc import Iterator
from contextlib import contextmanager


class UserError(Exception):
    """Something that the user can put right: the command line prints it as one line."""

    status = 2  # of the command


def reason(error: BaseException) -> str:
    """The operating system's words for an OSError, without errno and path; others' own words."""
    return getattr(error, "strerror", None) or str(error)


@contextmanager
def as_user_error(failed: str, *others: type[Exception]) -> Iterator[None]:
    """Make an OSError within, or another of these, a UserError: what failed, and the reason."""
    try:
        yield
    except (OSError, *others) as error:
        raise UserError(f"{failed}: {reason(error)}") from None
