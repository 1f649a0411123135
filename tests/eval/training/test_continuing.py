"""Every kind is trained and evaluated, goes on from its checkpoint, and after SIGKILL to the same end."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from functools import cache as once
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import load_file

from babilong_eval.models.registry import load_model
from babilong_eval.training.recipe import Recipe
from babilong_eval.training.train import train
from babilong_gen import generate, make_spec
from babilong_gen.errors import OutputError, UsageError
from tests.eval.kin_packages import require
from tests.eval.training.conftest import NARROW_GPT2, STREAMS, Command
from tests.eval.training.processes import start_training, wait_for
from tests.eval.training.test_kinds import MODELS, recipe_content
from tests.fork_server import SERVER, prepare_server

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

DECODER: dict[str, Any] = {"form": "decoder", "backbone": dict(NARROW_GPT2), "memory_tokens": 3}
KINDS = {"rmt": DECODER, **MODELS}

Trained = Callable[[str], Path]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    require(request.param)
    return request.param


@pytest.fixture(scope="module")
def trained(noise_files: str, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Trains a kind for four steps, once; gives the folder."""

    @once
    def train_once(kind: str) -> Path:
        require(kind)
        out = tmp_path_factory.mktemp(kind) / "whole"
        train(four_steps(kind, noise_files), out, cache=cache)
        return out

    return train_once


def four_steps(kind: str, noise: str) -> Recipe:
    return Recipe(**of_steps(recipe_content(KINDS[kind], noise), 4, save_every=2))


def of_steps(content: dict[str, Any], steps: int, **changes: Any) -> dict[str, Any]:
    """A recipe of one task, in segments of its own number."""
    content["stages"][0] |= {"until": {"steps": steps}, "segments": 2}
    return content | changes


@pytest.fixture(scope="module")
def detect(noise_files: str, tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    """Two samples of two lengths, in segments of 40 tokens."""
    out = tmp_path_factory.mktemp("detect") / "data"
    spec = make_spec(
        tasks=["detect"],
        lengths=["1seg", "4seg"],
        samples=2,
        segment_size=40,
        noise=noise_files,
        split="test",
    )
    generate(spec, out=out, cache=cache, workers=1)
    return out


def test_what_was_trained_is_evaluated(
    kind: str, trained: Trained, command: Command, detect: Path, tmp_path: Path
) -> None:
    assert json.loads((trained(kind) / "config.json").read_text())["model_type"] == kind
    done = command("evaluate", detect, "--model", f"{kind}:{trained(kind)}", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    cells = json.loads((tmp_path / "results.json").read_text())
    assert {(cell["length"], cell["n"]) for cell in cells} == {("1seg", 2), ("4seg", 2)}


def test_every_kind_continues_from_a_checkpoint(
    kind: str, trained: Trained, noise_files: str, cache: Path, tmp_path: Path
) -> None:
    folders = trained(kind), tmp_path / "second"
    content = of_steps(recipe_content({}, noise_files), 1, optimizer={"learning_rate": 1e-12})
    content["model"] = {"continue_from": str(trained(kind))}
    for _ in range(2):  # given again, it is found to be finished
        train(Recipe(**content), tmp_path / "second", cache=cache)
    first, second = (load_file(folder / "model.safetensors") for folder in folders)
    assert first.keys() == second.keys()
    assert all(torch.allclose(first[name], second[name], atol=1e-9) for name in first)
    configs = [json.loads((folder / "config.json").read_text()) for folder in folders]
    assert configs[0] == configs[1]


REFUSED = [
    ("armt", {"memory_tokens": 5}, "model.memory_tokens is 5, but the checkpoint to continue from has 3"),
    ("armt", {"memory": "associative", "associative": {"d_mem": 9}}, "model.associative is"),
    ("transformer-xl", {"kind": "memorizing"}, "model.kind is 'memorizing', but the checkpoint"),
    ("transformer-xl", {"segment_size": 50}, "segments of 50 tokens are longer than transformer-xl's"),
]


@pytest.mark.parametrize(("kind", "asked", "says"), REFUSED, ids=[says for _, _, says in REFUSED])
def test_another_network_than_the_checkpoints_is_refused(
    kind: str,
    asked: dict[str, Any],
    says: str,
    trained: Trained,
    noise_files: str,
    cache: Path,
    tmp_path: Path,
) -> None:
    content = of_steps(recipe_content({}, noise_files), 1)
    content["model"] = {"continue_from": str(trained(kind)), **asked}
    with pytest.raises(UsageError, match=says):
        train(Recipe(**content), tmp_path / "second", cache=cache)


def test_rows_cannot_begin_with_another_packages_memory_when_it_is_continued_either(
    trained: Trained, noise_files: str, cache: Path, tmp_path: Path
) -> None:
    content = of_steps(recipe_content({}, noise_files, STREAMS), 1)
    content["model"] = {"continue_from": str(trained("transformer-xl"))}
    with pytest.raises(UsageError, match="rows cannot begin with a memory of transformer-xl"):
        train(Recipe(**content), tmp_path / "second", cache=cache)


def test_every_kind_continues_after_a_kill_to_the_same_log(
    kind: str, trained: Trained, write_recipe: Any, noise_files: str, cache: Path, tmp_path: Path
) -> None:
    recipe = four_steps(kind, noise_files)
    path, out = write_recipe(recipe.model_dump(mode="json", exclude_unset=True)), tmp_path / "killed"
    log = out / "training" / "log.jsonl"
    (process,) = start_training(path, out, cache)
    wait_for([process], lambda: log.is_file() and log.stat().st_size)
    process.kill()
    process.join()
    train(recipe, out, cache=cache)
    for name in ("training/log.jsonl", "model.safetensors"):
        assert (trained(kind) / name).read_bytes() == (out / name).read_bytes()


def test_a_second_run_in_the_same_folder_is_refused_while_the_first_lives(
    write_recipe: Any, noise_files: str, cache: Path, tmp_path: Path
) -> None:
    content = of_steps(recipe_content(KINDS["rmt"], noise_files), 100_000)
    out = tmp_path / "run"
    log = out / "training" / "log.jsonl"
    (process,) = start_training(write_recipe(content), out, cache)
    wait_for([process], lambda: log.is_file() and log.stat().st_size)
    try:
        with pytest.raises(OutputError, match=f"{out}: another run is training into it"):
            train(Recipe(**content), out, cache=cache)
        assert process.is_alive()
    finally:
        process.kill()
        process.join()


def test_a_folder_that_cannot_be_locked_is_named_in_one_line(
    noise_files: str, cache: Path, tmp_path: Path
) -> None:
    (tmp_path / "run" / "training" / ".run.lock").mkdir(parents=True)
    with pytest.raises(OutputError, match=r"run: cannot be locked \(.*\): give another folder by --out$"):
        train(four_steps("rmt", noise_files), tmp_path / "run", cache=cache)


def test_the_folder_is_free_once_a_run_has_failed(noise_files: str, cache: Path, tmp_path: Path) -> None:
    recipe = four_steps("rmt", noise_files)

    def fail(_: object) -> None:
        raise RuntimeError("in the user's own code")

    with pytest.raises(RuntimeError) as kept:  # as a notebook keeps it
        train(recipe, tmp_path / "run", cache=cache, on_step=fail)
    train(recipe, tmp_path / "run", cache=cache)
    assert "own code" in str(kept.value)


def _read_on(model: str, folder: str, began: Connection) -> None:
    """Read without an end, in a folder of its own."""
    os.chdir(folder)
    os.environ["TMPDIR"] = tempfile.tempdir = folder
    found = load_model(f"memorizing:{model}", device="cpu")
    state, segment = found.start(1), torch.arange(40)[None]
    while True:
        state = found.step(segment, None, state)
        began.send("a segment was read")


def test_memories_that_are_killed_leave_no_file(trained: Trained, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    prepare_server()
    told, began = SERVER.Pipe(duplex=False)
    process = SERVER.Process(
        target=_read_on, args=(str(trained("memorizing")), str(tmp_path / "here"), began)
    )
    process.start()
    for _ in range(5):  # more than the 100 tokens that it remembers
        assert told.recv()
    process.kill()
    process.join()
    assert not list((tmp_path / "here").rglob("*"))
