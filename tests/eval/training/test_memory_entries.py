"""What a memory is taught to hold follows from the facts it has read, and counts in the loss."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch import nn

from babilong_eval.training.batch_rows import BatchSampler
from babilong_eval.training.memory_entries import EntryHeads, make_entry_heads
from babilong_eval.training.memory_pool import MemoryPool
from babilong_eval.training.metrics_log import read_log
from babilong_eval.training.recipe import Recipe
from babilong_eval.training.recipe_stages import Stage, Streams, Until
from babilong_eval.training.relations import DIRECTIONS
from babilong_eval.training.rows import Pools, Row
from babilong_eval.training.train import train
from babilong_eval.training.unroll import Batch, LossOptions
from babilong_gen.errors import UsageError
from babilong_gen.solvers import solve
from babilong_gen.tokenizer import load_tokenizer
from tests.eval.training.conftest import NARROW_GPT2, recipe_content
from tests.eval.training.small import PLACES, ROWS, SEGMENT, SEGMENTS, Kind, build_small, unrolled

if TYPE_CHECKING:
    from pathlib import Path

    from babilong_eval.training.samples import SampleSource

IN_SEGMENTS_OF = 40


def rows_of(source: SampleSource, recipe: Recipe, task: str, weight: float = 1.0) -> list[Row]:
    """Rows of three segments whose facts stand apart, before the last."""
    stage = Stage(
        name="any",
        segments=(3, 3),
        tasks={task: 1, "reasoning": 1} if task != "reasoning" else {task: 1},
        until=Until(steps=1),
        batch=30,
        streams=Streams(apart=1.0),
        memory_entries=weight,
    )
    pools = Pools(known=MemoryPool(9), empty=MemoryPool(9), false_positive=MemoryPool(9))
    return BatchSampler(source, recipe.labels, seed=1, rows=30).batch(stage, IN_SEGMENTS_OF, 0, pools)


def facts_of(row: Row, read: int) -> list[str]:
    """The relations in the segments read so far, in words."""
    written = load_tokenizer("babilong").tokenizer.decode(row.tokens[: read * IN_SEGMENTS_OF].tolist())
    return re.findall(rf"The \w+ is (?:{'|'.join(DIRECTIONS)}) of the \w+\.", written.replace(" .", "."))


def test_a_memory_shall_hold_what_a_solver_says_of_its_facts(source: SampleSource, recipe: Recipe) -> None:
    for row in rows_of(source, recipe, "reasoning"):
        assert row.entries is not None
        for after, entries in enumerate(row.entries):
            facts = facts_of(row, after + 1)
            held = [entry for entry in entries.tolist() if entry[0] >= 0]
            assert len(held) == 2 * len(facts)
            for seen_from, direction, room in held:
                asked = f"What is {DIRECTIONS[direction]} of the {recipe.labels[seen_from]}?"
                assert solve("reasoning", facts, asked).answer == recipe.labels[room]


def test_the_newest_relation_comes_first_and_moves_on_when_another_is_read(
    source: SampleSource, recipe: Recipe
) -> None:
    for row in rows_of(source, recipe, "reasoning"):
        assert row.entries is not None
        after_first, after_second = row.entries
        assert (after_first[2:] == -1).all()
        assert (after_second[2:] == after_first[:2]).all()
        assert (after_second[:2] != after_first[:2]).any()


def test_tasks_without_relations_teach_none(source: SampleSource, recipe: Recipe) -> None:
    rows = [row for row in rows_of(source, recipe, "detect") if row.task == "detect"]
    assert rows
    assert all(row.entries is not None and (row.entries == -1).all() for row in rows)


def test_a_stage_that_does_not_ask_for_them_has_the_same_rows_without(
    source: SampleSource, recipe: Recipe
) -> None:
    asked, unasked = (rows_of(source, recipe, "reasoning", weight) for weight in (1.0, 0.0))
    assert all(row.entries is None for row in unasked)
    assert [row.tokens.tobytes() for row in asked] == [row.tokens.tobytes() for row in unasked]


@pytest.mark.parametrize("kind", ["replace", "gate", "decoder"])
def test_their_loss_is_what_the_heads_read_wrong(kind: Kind) -> None:
    model, generator = build_small(kind), torch.Generator().manual_seed(4)
    heads = EntryHeads(model.network.memory.shape[1], len(PLACES))
    nn.init.normal_(heads.weight, generator=generator)
    batch = Batch(
        segments=torch.randint(10, 900, (SEGMENTS, ROWS, SEGMENT), generator=generator),
        begin=None,
        carried=torch.zeros(ROWS, dtype=torch.bool),
        target=torch.zeros(ROWS, dtype=torch.long),
        last_fact_segment=torch.zeros(ROWS, dtype=torch.long),
    )
    entries = torch.full((SEGMENTS - 1, ROWS, 2, 3), -1)
    entries[0, 1, 0] = torch.tensor([2, 3, 1])
    entries[1, 3, 1] = torch.tensor([0, 1, 2])
    memory, expected, right = model.start(ROWS), [], []
    for after, tokens in enumerate(batch.segments[:-1]):
        memory = model.step(tokens, None, memory)
        for row, token in ((1, 0), (3, 1)):
            wanted = entries[after, row, token]
            if wanted[0] >= 0:
                scores = heads.weight.detach() @ memory[row, token]
                parts = list(zip(scores.split([3, 4, 3]), wanted, strict=True))
                expected.append(sum(-part.log_softmax(0)[number] for part, number in parts))
                right.append(all(int(part.argmax()) == number for part, number in parts))
    network = unrolled(model)
    without = network(batch, LossOptions(memory_entries=0.3))
    network.entry_heads = heads
    output = network(replace(batch, entries=entries), LossOptions(memory_entries=0.3))
    mean = torch.stack([torch.as_tensor(each) for each in expected]).mean()
    torch.testing.assert_close(output.loss, without.loss + 0.3 * mean, rtol=1e-4, atol=1e-4)
    assert output.entries_held.tolist() == right
    assert len(without.entries_held) == 0


def test_heads_that_know_nothing_find_every_entry_equally_likely() -> None:
    heads = make_entry_heads(build_small_with(4), labels=6)
    entries = torch.full((1, 4, 3), -1)
    entries[0, 2] = torch.tensor([5, 0, 1])
    losses, _ = heads.losses(torch.randn(1, 4, 32, generator=torch.Generator().manual_seed(1)), entries)
    assert losses.tolist() == pytest.approx([2 * np.log(6) + np.log(4)])


def build_small_with(memory_tokens: int) -> nn.Module:
    network = build_small("gate").network
    network.memory = nn.Parameter(torch.zeros(memory_tokens, network.memory.shape[1]))
    return network


def test_a_run_logs_what_was_held_and_its_model_has_no_heads(undisturbed: Path) -> None:
    lines = read_log(undisturbed / "training" / "log.jsonl")
    assert all(line["entries_held"] == [0, 0] for line in lines if line["stage"] == "first")
    held = [line["entries_held"] for line in lines if line["stage"] == "second" and line["segments"] > 1]
    assert sum(count for count, _ in held) > 0
    assert all(0 <= right <= count for count, right in held)
    with safe_open(undisturbed / "model.safetensors", "pt") as weights:
        assert not [name for name in weights.keys() if "heads" in name]  # noqa: SIM118  # not a dict


REFUSED: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    (
        {},
        {"tasks": {"detect": 1}},
        "memory_entries are relations of two rooms, which none of its tasks tells",
    ),
    ({"memory_tokens": 3}, {}, "memory_entries need 4 tokens of memory, and the model has 3"),
    (
        {"memory": "associative", "backbone": NARROW_GPT2, "memory_update": "replace"},
        {},
        "memory_entries are held by the memory of an RMT, and this is none",
    ),
]


@pytest.mark.parametrize(("model", "stage", "line"), REFUSED)
def test_what_cannot_hold_them_ends_in_one_line_before_training(
    model: dict[str, Any], stage: dict[str, Any], line: str, noise_files: str, cache: Path, tmp_path: Path
) -> None:
    content = json.loads(json.dumps(recipe_content(noise_files)))
    content["model"] |= model
    content["stages"] = [
        {"name": "only", "segments": 2, "tasks": {"reasoning": 1}, "memory_entries": 1.0}
        | stage
        | {"until": {"steps": 1}}
    ]
    with pytest.raises(UsageError, match=line):
        train(Recipe(**content), tmp_path / "out", cache=cache)
    assert not (tmp_path / "out" / "model.safetensors").exists()
