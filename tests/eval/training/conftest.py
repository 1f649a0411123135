"""A recipe that trains in a second, and what one finished run of it left."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import torch
import yaml

from babilong_eval.cli import main
from babilong_eval.training.recipe import Recipe
from babilong_eval.training.samples import SampleSource, open_sample_source
from babilong_eval.training.train import train

if TYPE_CHECKING:
    from pathlib import Path

NARROW_BERT: dict[str, Any] = {
    "model_type": "bert",
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 64,
    "hidden_dropout_prob": 0.1,
}
NARROW_GPT2: dict[str, Any] = {
    "model_type": "gpt2",
    "n_embd": 32,
    "n_layer": 2,
    "n_head": 2,
    "n_positions": 64,
    "bos_token_id": None,
    "eos_token_id": None,
}
STREAMS = {"continued": 0.25, "empty": 0.25, "after_noise": 0.5, "hard_negatives": 0.5}


def recipe_content(noise: str) -> dict[str, Any]:
    """Two short stages, with every kind of row in the second."""
    return {
        "name": "short",
        "seed": 3,
        "save_every": 5,
        "model": {
            "backbone": dict(NARROW_BERT),
            "tokenizer": "babilong",
            "memory_tokens": 4,
            "segment_size": 40,
            "memory_update": "gate",
        },
        "data": {"noise": [noise], "leak_check": "off"},
        "optimizer": {"learning_rate": 0.003, "warmup_steps": 5},
        "stages": [
            {
                "name": "first",
                "segments": [0, 1],
                "tasks": {"detect": 1},
                "batch": 8,
                "until": {"steps": 4},
                "keep": True,
            },
            {
                "name": "second",
                "segments": [1, 3],
                "tasks": {"detect": 2, "reasoning": 1},
                "batch": 8,
                "streams": dict(STREAMS),
                "memory_questions": 2,
                "memory_entries": 0.2,
                "gate_penalty": 0.1,
                "gradient_checkpointing": True,
                "until": {"steps": 10},
            },
        ],
    }


@dataclass(frozen=True)
class Done:
    """How a command ended, as `subprocess` tells it."""

    returncode: int
    stderr: str

    @property
    def refusal(self) -> str:
        """The one line of a refusal."""
        lines = [line for line in self.stderr.splitlines() if line.startswith("babilong: ")]
        assert self.returncode == 2, self.stderr
        assert len(lines) == 1, self.stderr
        assert "Traceback" not in self.stderr
        return lines[0]


Command = Callable[..., Done]


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Threads of a narrow network wait for each other longer than they compute."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """A figure takes as long as many steps of so small a network: those of `undisturbed` are drawn."""
    monkeypatch.setattr("babilong_eval.training.run.draw", lambda _: None)


@pytest.fixture
def command(cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs the command line in this process."""
    monkeypatch.setenv("BABILONG_CACHE", str(cache))

    def run(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["babilong", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        assert isinstance(ended.value.code, int)
        return Done(ended.value.code, capsys.readouterr().err)

    return run


@pytest.fixture
def content(noise_files: str) -> dict[str, Any]:
    """What the recipe says, to be changed."""
    return recipe_content(noise_files)


@pytest.fixture
def write_recipe(tmp_path: Path) -> Callable[[dict[str, Any]], Path]:
    """Writes a recipe and gives its path."""

    def write(content: dict[str, Any]) -> Path:
        path = tmp_path / "recipe.yaml"
        path.write_text(yaml.safe_dump(content))
        return path

    return write


@pytest.fixture(scope="session")
def recipe(noise_files: str) -> Recipe:
    return Recipe(**recipe_content(noise_files))


@pytest.fixture(scope="session")
def source(recipe: Recipe, cache: Path) -> SampleSource:
    return open_sample_source(recipe, "babilong", cache=cache, report=lambda _: None, notify=lambda _: None)


@pytest.fixture(scope="session")
def undisturbed(recipe: Recipe, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run."""
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    train(recipe, out, cache=cache)
    return out
