"""What is installed, beside what is locked: a line for each package whose versions differ.

    python tools/versions.py PYTHON [--exact]

PYTHON is the interpreter of an environment. With --exact a difference is a failure: exit code 1.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

REQUIREMENTS = Path(__file__).resolve().parents[1] / "requirements"
OURS = "babilong-gen"
ABSENT = "-"


def locked() -> dict[str, str]:
    """The version of each package in the lock, for this Python and platform."""
    lines = [
        line.strip()
        for name in ("locked.txt", "models.txt", "kin.txt")
        for line in (REQUIREMENTS / name).read_text().splitlines()
    ]
    wanted = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {
        canonicalize_name(each.name): next(iter(each.specifier)).version
        for each in wanted
        if each.marker is None or each.marker.evaluate()
    }


def installed(python: str) -> dict[str, str]:
    """The version of each package in an environment; a build's own mark, as in `2.13.0+cpu`, left off."""
    listed = subprocess.check_output([python, "-m", "pip", "list", "--format", "json"], text=True)
    return {canonicalize_name(each["name"]): Version(each["version"]).public for each in json.loads(listed)}


def main(python: str, exact: bool) -> int:
    """Print the differences; return the exit code."""
    lock, there = locked(), installed(python)
    there.pop(OURS, None)
    differing = [name for name in sorted(there) if there[name] != lock.get(name, ABSENT)]
    print(f"{python}: {len(there)} packages, {len(differing)} in another version than the lock's")
    if differing:
        print(f"{'package':<32}{'lock':<20}installed")
    for name in differing:
        print(f"{name:<32}{lock.get(name, ABSENT):<20}{there[name]}")
    return int(exact and bool(differing))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], "--exact" in sys.argv[2:]))
