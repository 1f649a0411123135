"""The frame of the command line: how options are read, and how a user's mistake ends."""

from __future__ import annotations

import io
import os
import sys
import traceback
from collections.abc import Callable

import typer
from typer.core import TyperGroup

from babilong_gen.errors import BabilongError, SelfCheckError, UsageError
from babilong_gen.network import address_fault, shown_address
from babilong_gen.redaction import keep_passwords, redacted

# typer brings its own copy of click or uses an installed one, so the base of its errors is found by name
_CLICK_ERROR: type[Exception] = next(
    base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException"
)

# exit codes: 0 done, 1 data or predictions are wrong, 2 a mistake of the user's, 130 interrupted
WRONG = 1
USER_ERROR = 2
INTERRUPTED = 130


def make_app(about: str, *commands: Callable[..., None], group: type[TyperGroup] = TyperGroup) -> typer.Typer:
    """Return a group of commands, without tracebacks and without the start-up cost of shell completion."""
    app = typer.Typer(
        help=about,
        cls=group,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    for command in commands:
        app.command()(command)
    return app


def run(app: typer.Typer) -> None:
    """Run a command line; a mistake ends in one line on stderr and exit code 2."""
    arguments = sys.argv[1:] or ["--help"]
    keep_passwords(" ".join(arguments))
    _print_anything()
    sys.exit(_guarded(lambda: app(arguments, standalone_mode=False)))


def _print_anything() -> None:
    """Let streams write a code for what their encoding has no sign for: old terminals, odd file names."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def warn_of_untested_libraries() -> None:
    """Say in one line on stderr which installed libraries are newer or older than what was tested.

    Of several processes of one run (torchrun) the first says it. `BABILONG_WARN_UNTESTED=0` leaves it out.
    """
    if os.environ.get("BABILONG_WARN_UNTESTED") == "0" or os.environ.get("RANK", "0") != "0":
        return
    from babilong_gen.libraries import untested

    if strange := untested():
        typer.echo(
            f"babilong: outside the tested range: {', '.join(map(str, strange))}; results may differ",
            err=True,
        )


def check_hub_address() -> None:
    """Check `HF_ENDPOINT` before the Hub's client is imported, which ends in a traceback where it is wrong.

    Raises:
        UsageError: it is no web address.
    """
    address = os.environ.get("HF_ENDPOINT")
    if address is None:
        return
    if not address.strip():
        del os.environ["HF_ENDPOINT"]  # the client would take the empty address for one
    elif fault := address_fault(address):
        raise UsageError(
            f"HF_ENDPOINT {shown_address(address)} {fault}: expected one as https://huggingface.co"
        )


def comma_separated(text: str | None) -> tuple[str, ...] | None:
    """Return the parts of `a,b,c`; None if the option was not given."""
    if text is None:
        return None
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _guarded(command: Callable[[], object]) -> int:
    try:
        code = command()
        if code == INTERRUPTED:
            # newer versions of typer catch the interruption themselves
            raise KeyboardInterrupt
        return code if isinstance(code, int) else 0
    except SelfCheckError as error:
        return _fail(str(error), WRONG)
    except BabilongError as error:
        return _fail(str(error))
    except _CLICK_ERROR as error:
        # typer has a choice checked by pydantic, and repeats its words
        return _fail(getattr(error, "format_message", error.__str__)().replace("Value error, ", "", 1))
    except (KeyboardInterrupt, typer.Abort):
        typer.echo("interrupted: give the same command again to go on", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        # the program that read our output has ended (`| head`)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        # A bug of ours is told by its traceback; but here it need not be ours.
        if os.environ.get("BABILONG_TRACEBACK") or not (strange := _untested_in_use()):
            if not _quotes_a_secret(error):
                raise
            return WRONG
        return _fail(
            f"{type(error).__name__}: {error}; its cause may be a version that was not tested: {strange}. "
            "Install a tested one, or set BABILONG_TRACEBACK=1 to see where it happened"
        )


def _untested_in_use() -> str:
    from babilong_gen.libraries import imported, untested

    return ", ".join(map(str, imported(untested())))


def _fail(message: str, code: int = USER_ERROR) -> int:
    typer.echo("babilong: " + redacted(" ".join(message.split())), err=True)
    return code


def _quotes_a_secret(error: Exception) -> bool:
    """Return whether a traceback holds a key that a library was given; if so, show it without."""
    shown = "".join(traceback.format_exception(error))
    if redacted(shown) == shown:
        return False
    typer.echo(redacted(shown), err=True, nl=False)
    return True
