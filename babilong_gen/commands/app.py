"""The command line's frame: how options are read and how a user's mistake ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import typer

from babilong_gen.errors import BabilongError, SelfCheckError

# typer carries its own copy of click or uses an installed one: the base of its usage errors is had by name.
_CLICK_ERROR: type[Exception] = next(
    base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException"
)

# A command's exit codes: 0 done, 1 the data or predictions are wrong, 2 the user's to mend, 130 interrupted.
WRONG = 1
USER_ERROR = 2
INTERRUPTED = 130


def make_app(about: str) -> typer.Typer:
    """A command group in the project's manner: no tracebacks, no start-up cost for shell completion."""
    return typer.Typer(
        help=about,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )


def run(app: typer.Typer) -> None:
    """Run a command line; a mistake ends in one line on stderr and exit code 2."""
    arguments = sys.argv[1:] or ["--help"]
    sys.exit(_guarded(lambda: app(arguments, standalone_mode=False)))


def comma_separated(text: str | None) -> tuple[str, ...] | None:
    """The parts of `a,b,c`; None where the option was not given."""
    if text is None:
        return None
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _guarded(command: Callable[[], object]) -> int:
    try:
        code = command()
        if code == INTERRUPTED:
            # Newer versions of typer catch the interruption themselves.
            raise KeyboardInterrupt
        return code if isinstance(code, int) else 0
    except SelfCheckError as error:
        return _fail(str(error), WRONG)
    except BabilongError as error:
        return _fail(str(error))
    except _CLICK_ERROR as error:
        return _fail(getattr(error, "format_message", error.__str__)())
    except (KeyboardInterrupt, typer.Abort):
        typer.echo("interrupted: give the same command again to go on", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone (`| head`); there is nobody left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _fail(message: str, code: int = USER_ERROR) -> int:
    typer.echo("babilong: " + " ".join(message.split()), err=True)
    return code
