"""`babilong env`."""

from typing import Annotated, Any, Literal

import typer


def env(
    output: Annotated[Literal["text", "json"], typer.Option("--format", help="How it is written.")] = "text",
) -> None:
    """Show what a bug report needs: versions, Python, devices, and whether each library's version was tested.

    Example: babilong env --format json
    """
    import json

    found = _environment()
    if output == "json":
        typer.echo(json.dumps(found, indent=2))
        return
    libraries = found.pop("libraries")
    devices = found.pop("devices")
    lines = [*found.items(), ("devices", ", ".join(devices) or "cpu only")]
    for name, one in libraries.items():
        remark = "" if one["tested"] or one["version"] is None else "   NOT TESTED"
        version = one["version"] or "not installed"
        lines.append((name, f"{version:<16} tested: {one['tested_range']}{remark}"))
    width = max(len(name) for name, _ in lines)
    for name, value in lines:
        typer.echo(f"{name:<{width}}  {value}")


def _environment() -> dict[str, Any]:
    import os
    import platform

    from babilong_gen.libraries import DISTRIBUTION, libraries, own_version

    return {
        DISTRIBUTION: own_version(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processors": os.cpu_count(),
        "devices": _devices(),
        "libraries": {
            one.name: {"version": one.version, "tested_range": one.tested_range, "tested": one.tested}
            for one in libraries()
        },
    }


def _devices() -> list[str]:
    """Return the CUDA devices by name, or why they are not known."""
    try:
        import torch

        return [
            f"cuda:{number} {torch.cuda.get_device_name(number)}"
            for number in range(torch.cuda.device_count())
        ]
    except ModuleNotFoundError:
        return []
    except (ImportError, OSError, RuntimeError, AssertionError) as error:
        return [f"unknown: {type(error).__name__}: {error}"]
