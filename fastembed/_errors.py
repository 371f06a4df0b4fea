"""The error that a user can mend."""


class UserError(Exception):
    """Something that the user can put right: the command line prints it as one line."""

    status = 2  # of the command


def reason(error: BaseException) -> str:
    """The operating system's words for an OSError, without errno and path; others' own words."""
    return getattr(error, "strerror", None) or str(error)
