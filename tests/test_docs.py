"""The Python of README, docs and notebooks runs, and imports from the public faces alone."""

from __future__ import annotations

import ast
import importlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs/notebooks").glob("*.ipynb")),
]
BLOCK = re.compile(r"(?P<reason><!-- not run: .+? -->\n)?```python\n(?P<code>.*?)```", re.DOTALL)


def blocks(page: Path, *, to_run: bool) -> list[str]:
    """The page's Python blocks; those under a comment `not run: why` are left out where they are to run."""
    if page.suffix == ".ipynb":
        cells = json.loads(page.read_text(encoding="utf-8"))["cells"]
        return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    found = BLOCK.finditer(page.read_text(encoding="utf-8"))
    return [block["code"] for block in found if not (to_run and block["reason"])]


WITH_EXAMPLES = [page for page in PAGES if blocks(page, to_run=True)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_import_from_the_public_faces(page: Path) -> None:
    for block in blocks(page, to_run=False):
        for node in ast.walk(ast.parse(block)):
            assert not (isinstance(node, ast.Import) and "babilong" in ast.unparse(node)), ast.unparse(node)
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("babilong"):
                public = importlib.import_module(node.module or "").__all__
                assert {name.name for name in node.names} <= set(public), ast.unparse(node)


@pytest.mark.usefixtures("few_documents")
@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=lambda page: page.name)
def test_examples_run(page: Path, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page's blocks run one after the other, each with the names of those before."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BABILONG_CACHE", str(cache))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    names: dict[str, Any] = {"__name__": page.stem}
    for block in blocks(page, to_run=True):
        exec(compile(block, str(page), "exec"), names)
