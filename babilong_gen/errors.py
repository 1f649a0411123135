"""What can go wrong because of a user's input or machine, as opposed to a bug of ours.

    BabilongError            one clear line on stderr, exit code 2, never a traceback
    ├── UsageError           what was asked for is unknown, malformed or contradicts itself
    ├── SourceError          a file or download is missing, empty, broken or of the wrong kind
    ├── DoesNotFitError      a story, position or length cannot be met by any sample
    └── OutputError          the output folder holds something else, or cannot be written

Each message names the thing, what was expected, and what to do.

`SelfCheckError` stands apart: a finished sample is not what it says, and that is a fault of ours.
"""


class BabilongError(Exception):
    """Base of every error that is the user's to mend."""


class UsageError(BabilongError):
    """What was asked for is unknown, malformed or contradicts itself."""


class SourceError(BabilongError):
    """A noise, story or tokenizer source is missing, empty, damaged or of another kind."""


class DoesNotFitError(BabilongError):
    """No sample can meet the length or the positions that were asked for."""


class OutputError(BabilongError):
    """The output folder cannot be written, or holds a dataset of another spec."""


class SelfCheckError(Exception):
    """A finished sample, tokenized again, is not what it says of itself: a fault of ours, not the user's."""


def not_written(path: object, error: Exception) -> OutputError:
    """Return what a user is told where a disk takes no file or folder."""
    reason = getattr(error, "strerror", None) or error
    return OutputError(f"{path}: cannot be written ({reason}): make room there, or choose another place")


def first_line(error: BaseException) -> str:
    """Return what an error says in one line: of a record that is not valid, the first fault and its place."""
    from pydantic import ValidationError

    if isinstance(error, ValidationError):
        fault = error.errors()[0]
        found = f", found {fault['input']!r}" if isinstance(fault["input"], str | int | float) else ""
        return ": ".join(filter(None, [".".join(map(str, fault["loc"])), fault["msg"] + found]))
    return str(error).strip().partition("\n")[0] or type(error).__name__
