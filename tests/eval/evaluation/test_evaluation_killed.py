"""Killed, split over processes or short of memory, a run ends with the predictions of an undisturbed one."""

from __future__ import annotations

import gc
import json
import multiprocessing
import os
import random
import resource
import signal
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from babilong_eval.data.dataset import Sample
from babilong_eval.evaluation.config import EvaluationConfig
from babilong_eval.evaluation.evaluate import evaluate
from babilong_eval.inference.batching import BatchLimits
from babilong_eval.prompts.prompts import plain_prompts
from babilong_eval.results.predictions_log import read_logs

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from tokenizers import Tokenizer

    from babilong_eval.models.protocol import Alignment, Answer, InputForm, Segment

FORK = multiprocessing.get_context("fork")


def run_through(config: EvaluationConfig) -> None:
    evaluate(config)


def predictions(folder: Path) -> dict[str, list[dict]]:
    """Every prediction file without what depends on the clock."""
    return {
        path.name: pd.read_csv(path, keep_default_na=False).drop(columns="seconds").to_dict("records")
        for path in sorted(folder.glob("*.csv"))
    }


@pytest.fixture
def undisturbed(dataset: Path, rmt_folder: Path, tmp_path: Path) -> EvaluationConfig:
    request = EvaluationConfig(
        data=str(dataset),
        model=f"rmt:{rmt_folder}",
        out=tmp_path / "undisturbed",
        device="cpu",
        batch_size=2,
    )
    run_through(request)
    return request


def test_killed_at_any_moment_it_goes_on(undisturbed: EvaluationConfig, tmp_path: Path) -> None:
    request, rng = replace(undisturbed, out=tmp_path / "killed"), random.Random(7)
    kills = 0
    while True:
        process = FORK.Process(target=run_through, args=(request,))
        process.start()
        process.join(rng.uniform(0, 0.1 * 1.3**kills))
        if process.exitcode is not None:
            break
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        kills += 1
    assert kills > 0
    assert predictions(Path(request.out)) == predictions(Path(undisturbed.out))
    lines = [
        json.loads(line)
        for path in Path(request.out).glob("predictions-*.jsonl")
        for line in path.read_bytes().splitlines()
    ]
    keys = [(line["task"], line["length"], line["index"]) for line in lines]
    assert len(keys) == len(set(keys)) == 29


def run_as_one_of_two(rank: int, config: EvaluationConfig) -> None:
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2"}
    evaluate(config)


def test_several_processes_share_the_samples(undisturbed: EvaluationConfig, tmp_path: Path) -> None:
    out = tmp_path / "shared"
    request = replace(undisturbed, out=out)
    running = [FORK.Process(target=run_as_one_of_two, args=(rank, request)) for rank in range(2)]
    for process in running:
        process.start()
    for process in running:
        process.join()
    assert [process.exitcode for process in running] == [0, 0]
    assert predictions(out) == predictions(Path(undisturbed.out))
    counts = sorted(len(path.read_bytes().splitlines()) for path in out.glob("predictions-*.jsonl"))
    assert counts == [14, 15]


@dataclass
class Hungry:
    """A model that takes 400 MB for every row, and answers with the number of rows it was asked beside."""

    tokenizer: Tokenizer
    segment_size: int = 16
    alignment: Alignment = "right"
    adds_special_tokens: bool = False
    input_form: InputForm = "plain"
    render_chat: None = None
    bounded_state: bool = True
    max_tokens: int | None = 12

    @property
    def device(self) -> torch.device:
        import torch

        return torch.device("cpu")

    @property
    def dtype(self) -> torch.dtype:
        import torch

        return torch.float32

    def start(self, batch_size: int) -> int:
        return batch_size

    def step(self, tokens: torch.Tensor, mask: torch.Tensor | None, state: int) -> int:  # noqa: ARG002  # the protocol's
        return state

    def answer(self, question: Segment, state: int, choices: Sequence[Any]) -> list[Answer]:  # noqa: ARG002  # as `step`
        import torch

        from babilong_eval.models.protocol import Answer

        torch.empty(state * 400_000_000, dtype=torch.uint8)
        return [Answer(text=str(state))] * state


def sample(index: int, words: int) -> Sample:
    return Sample(
        task="qa1",
        length="0k",
        index=index,
        sample_id=str(index),
        utf8=b"Mary " * words,
        question="Where?",
        target="garden",
    )


def ask_hungry(tokenizer: Tokenizer, room_bytes: int, results: Any) -> None:
    """In a process that may take so much more memory: what becomes of five samples, one of them too long."""
    from babilong_eval.inference.segment_loop import answer_samples, make_reader

    gc.collect()  # what earlier tests left would make room later on
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + room_bytes, used + room_bytes))
    prompts = plain_prompts(["qa1"]).prompts
    reader = make_reader(Hungry(tokenizer), prompts, choose=False)
    samples = [sample(index, 3) for index in range(4)] + [sample(4, 20)]
    found = list(answer_samples(reader, samples, BatchLimits(rows=4, tokens=10_000)))
    results.put({one.sample.index: one.answer.text if one.answer else one.error for one in found})


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux to limit a process's memory")
@pytest.mark.parametrize(
    ("room_bytes", "answers"),
    [
        (2_200_000_000, ["4", "4", "4", "4"]),
        (1_000_000_000, ["2", "2", "2", "2"]),
        (200_000_000, ["out of memory with 5 tokens"] * 4),
    ],
)
def test_a_batch_too_large_for_the_memory_is_halved(
    tokenizer: Tokenizer, room_bytes: int, answers: list[str]
) -> None:
    results = FORK.Queue()
    process = FORK.Process(target=ask_hungry, args=(tokenizer, room_bytes, results))
    process.start()
    outcomes = results.get(timeout=60)
    process.join()
    assert [outcomes[index] for index in range(4)] == answers
    assert outcomes[4] == "too long: 22 tokens, and the model takes 12"


def test_what_failed_is_asked_again(undisturbed: EvaluationConfig) -> None:
    log = Path(undisturbed.out) / "predictions-0.jsonl"
    lines = [json.loads(line) for line in log.read_bytes().splitlines()]
    for line in lines[:3]:
        line["prediction"] |= {"output": "", "label": "", "error": "out of memory"}
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert sum(bool(line.prediction.error) for line in read_logs(Path(undisturbed.out)).values()) == 3
    before = predictions(Path(undisturbed.out))
    asked: list[int] = []
    evaluate(undisturbed, on_result=lambda result: asked.append(result.sample.index))
    assert len(asked) == 3
    assert predictions(Path(undisturbed.out)) == before
