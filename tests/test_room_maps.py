"""Each folder lists its modules in its docstring; docs/architecture.md names each room, and no lost file."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import babilong_eval
import babilong_gen

# Where they were imported from: the checkout, or a wheel's installation beside its pages.
PACKAGES = (Path(babilong_gen.__path__[0]), Path(babilong_eval.__path__[0]))
ARCHITECTURE = (Path(__file__).parent.parent / "docs/architecture.md").read_text(encoding="utf-8")

ROOMS = sorted(path.parent for package in PACKAGES for path in package.rglob("__init__.py"))


def place(path: Path) -> str:
    """`babilong_eval/models/state.py`."""
    (package,) = (folder for folder in PACKAGES if path.is_relative_to(folder))
    return str(path.relative_to(package.parent))


def things_in(room: Path) -> set[str]:
    modules = {path.name for path in room.glob("*.py")} - {"__init__.py"}
    return modules | {f"{path.parent.name}/" for path in room.glob("*/__init__.py")}


@pytest.mark.parametrize("room", ROOMS, ids=place)
def test_a_room_lists_each_module_and_room_in_it_and_no_other(room: Path) -> None:
    docstring = ast.get_docstring(ast.parse((room / "__init__.py").read_text(encoding="utf-8"))) or ""
    listed = re.findall(r"^ *([a-z0-9_]+(?:\.py|/)) ", docstring, flags=re.MULTILINE)
    assert sorted(listed) == sorted(things_in(room))


def test_the_architecture_names_every_room() -> None:
    rooms = [path for package in PACKAGES for path in things_in(package) if path.endswith("/")]
    assert [name for name in rooms if name not in ARCHITECTURE] == []


def test_the_architecture_names_no_file_that_is_gone() -> None:
    named = set(re.findall(r"[\w./-]+\.py", ARCHITECTURE))
    files = [place(path) for package in PACKAGES for path in package.rglob("*.py")]
    lost = [name for name in named if not any(f"/eval/{path}".endswith(f"/{name}") for path in files)]
    assert sorted(lost) == []
