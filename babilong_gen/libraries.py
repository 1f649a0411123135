"""The libraries we depend on: which versions are installed, and which were tested.

The oldest tested version of each is the lower bound in `pyproject.toml`, read from the installed package's
metadata; the newest stands here. No library is imported to find out.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib import metadata

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

DISTRIBUTION = "babilong-gen"

# The newest series of releases that the suite has passed with, as narrow as the library's promises are: "2"
# is any 2.x, "2.13" any 2.13.x. A renewed lock file may ask for newer ones.
_NEWEST_TESTED = {
    "accelerate": "1",
    "beartype": "0.23",
    "datasets": "5",
    "einops": "0.8",
    "einops-exts": "0.0",
    "filelock": "4",
    "fsspec": "2026",
    "gguf": "0.19",
    "huggingface-hub": "2",
    "jinja2": "3",
    "joblib": "1",
    "markupsafe": "3",
    "matplotlib": "3",
    "memformer": "0.3",
    "numpy": "2",
    "nupunkt": "0.8",
    "openai": "3",
    "packaging": "26",
    "pandas": "3",
    "peft": "0.21",
    "pyarrow": "26",
    "pydantic": "2",
    "pyyaml": "6",
    "ray": "2",
    "recurrent-memory-transformer-pytorch": "0.7",
    "rich": "15",
    "s3fs": "2026",
    "safetensors": "0.8",
    "tokenizers": "0.23",
    "torch": "2.14",  # its minor releases take things away
    "transformers": "5.24",  # so do these: 5.24 renamed an argument of every model
    "typer": "0",  # released weekly, and changed with care
    "universal-pathlib": "0.3",
    "x-transformers": "2.31",  # released weekly
    "xxhash": "4",
}

# Extras that a user has no need of.
_OF_DEVELOPERS = {"dev"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """A library that some part of the program uses.

    Attributes:
        name: as the package index has it.
        version: the installed one; None where it is not installed.
        oldest: the oldest tested version, if a bound says so.
        newest: the newest tested series, such as 5.24; None where any is thought to do.
    """

    name: str
    version: str | None
    oldest: str | None
    newest: str | None

    @property
    def tested(self) -> bool:
        """Whether the installed version is in the tested range."""
        if self.version is None:
            return False
        version = Version(self.version)
        if self.oldest is not None and version < Version(self.oldest):
            return False
        if self.newest is None:
            return True
        series = Version(self.newest).release
        return version.release[: len(series)] <= series

    @property
    def tested_range(self) -> str:
        """For example `5.23 to 5.24.x`."""
        newest = "any newer" if self.newest is None else f"{self.newest}.x"
        return newest if self.oldest is None else f"{self.oldest} to {newest}"

    def __str__(self) -> str:
        return f"{self.name} {self.version or 'is not installed'} (tested: {self.tested_range})"


def own_version() -> str:
    """Return the version of this package."""
    return metadata.version(DISTRIBUTION)


def libraries() -> list[Library]:
    """List every library that a user may need, installed or not; none where we are not installed."""
    try:
        ours = metadata.metadata(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return []
    extras = {"", *(ours.get_all("Provides-Extra") or ())} - _OF_DEVELOPERS
    needed = map(Requirement, ours.get_all("Requires-Dist") or ())
    found = {}
    for requirement in needed:
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras):
            found[canonicalize_name(requirement.name)] = _library(requirement)
    return [found[name] for name in sorted(found)]


def library(name: str) -> Library:
    """Return one of them."""
    return next(
        (one for one in libraries() if one.name == name),
        Library(name=name, version=_version(name), oldest=None, newest=_NEWEST_TESTED.get(name)),
    )


def untested() -> list[Library]:
    """Return the installed ones of them that are older or newer than what was tested."""
    return [one for one in libraries() if one.version is not None and not one.tested]


def imported(some: list[Library]) -> list[Library]:
    """Return those of some libraries that this process has imported."""
    loaded = {name.partition(".")[0] for name in sys.modules}
    owners = metadata.packages_distributions()
    used = {canonicalize_name(owner) for name in loaded for owner in owners.get(name, ())}
    return [one for one in some if one.name in used]


def _library(requirement: Requirement) -> Library:
    name = canonicalize_name(requirement.name)
    oldest = [bound.version for bound in requirement.specifier if bound.operator == ">="]
    return Library(
        name=name,
        version=_version(name),
        oldest=oldest[0] if oldest else None,
        newest=_NEWEST_TESTED.get(name),
    )


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
