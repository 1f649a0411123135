"""Shards are lost and come back in any order, while a run is evaluated in parts: each sample counts once."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers

from babilong_eval.evaluation.config import EvaluationConfig
from babilong_eval.evaluation.evaluate import evaluate
from babilong_eval.models.protocol import Answer, Segment
from babilong_eval.results.records import read_cells
from babilong_gen.errors import BabilongError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from babilong_eval.data.layout import Pair
    from babilong_eval.inference.sample_result import SampleResult

SHARDS = [("qa1", "0k"), ("qa1", "0k"), ("qa1", "1k"), ("qa2", "0k"), ("qa1", "0k")]
ROWS = 2
SIZES = Counter({pair: ROWS * SHARDS.count(pair) for pair in SHARDS})


class Constant:
    """A model that reads nothing and always answers alike."""

    segment_size, alignment, adds_special_tokens = 64, "right", False
    input_form, render_chat, bounded_state, max_tokens = "plain", None, True, None
    device, dtype = torch.device("cpu"), torch.float32

    def __init__(self) -> None:
        self.tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
        self.tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()

    def start(self, batch_size: int) -> int:
        return batch_size

    def step(self, _tokens: torch.Tensor, _mask: torch.Tensor | None, state: int) -> int:
        return state

    def answer(
        self, _question: Segment, state: int, _choices: Sequence[Sequence[str] | None]
    ) -> list[Answer]:
        return [Answer(text="garden")] * state


class StoppedError(Exception):
    """What a looker-on raises to end a run."""


def write_dataset(folder: Path, *, listed: bool) -> list[Path]:
    """Write shards of two samples, listed by a manifest, or declared by `dataset_info.json`."""
    shards, first = [], Counter[tuple[str, str]]()
    for number, (task, length) in enumerate(SHARDS):
        path = folder / "data" / length / f"{task}-{number:05d}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        place = first[task, length]
        rows = [
            {
                "input": f"Mary went to the garden. {task} {length} {place + row}",
                "question": "Where is Mary?",
                "target": "garden",
                **({"sample_id": f"{task}/{length}/{place + row:06d}"} if listed else {}),
            }
            for row in range(ROWS)
        ]
        pq.write_table(pa.Table.from_pylist(rows), path)
        about = {"path": path.relative_to(folder).as_posix(), "task": task, "length": length}
        shards.append({**about, "first": place, "rows": ROWS, "bytes": path.stat().st_size})
        first[task, length] += ROWS
    if listed:
        manifest = {"format": 1, "fingerprint": "f", "shards": shards}
        (folder / "manifest.json").write_text(json.dumps(manifest))
    else:
        declared = [
            {
                "config_name": length,
                "splits": [{"name": task, "num_examples": SIZES[task, length]} for task in ("qa1", "qa2")],
            }
            for length in ("0k", "1k")
        ]
        card = {"dataset_info": declared}
        (folder / "README.md").write_text(f"---\n{json.dumps(card)}\n---\n")
    return [folder / shard["path"] for shard in shards]


STEP = st.fixed_dictionaries(
    {
        "lost": st.sets(st.integers(0, len(SHARDS) - 1)),
        "tasks": st.sampled_from([None, ("qa1",), ("qa2",)]),
        "lengths": st.sampled_from([None, ("0k",), ("1k",)]),
        "limit": st.sampled_from([None, 1, 3, 5]),
        "stop_after": st.sampled_from([None, 1, 2, 4]),
    }
)


@pytest.mark.parametrize("listed", [True, False], ids=["manifest", "card"])
@settings(max_examples=8, deadline=None)
@given(steps=st.lists(STEP, max_size=3))
def test_each_sample_is_asked_once_or_the_run_is_refused(steps: list[dict[str, Any]], listed: bool) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder, aside, out = (Path(scratch) / name for name in ("data", "aside", "out"))
        aside.mkdir()
        shards = write_dataset(folder, listed=listed)
        asked: Counter[str] = Counter()
        for step in steps:
            lost = [shards[number] for number in sorted(step["lost"])]
            for path in lost:
                shutil.move(path, aside / path.name)
            config = EvaluationConfig(
                data=folder,
                out=out,
                tasks=step["tasks"],
                lengths=step["lengths"],
                limit=step["limit"],
                batch_size=1,
            )
            # a card says how many rows a task has at a length, and a manifest also that there is one
            gone = (
                set()
                if listed
                else set(SIZES) - {pair for number, pair in enumerate(SHARDS) if number not in step["lost"]}
            )
            run(config, asked, step["stop_after"], gone)
            for path in lost:
                shutil.move(aside / path.name, path)
        assert set(asked.values()) <= {1}

        refused = run(EvaluationConfig(data=folder, out=out), asked, None)
        if refused:  # without a manifest, files that are whole but fewer are other data
            assert (listed, "its data fingerprint is" in refused) == (False, True)
            return

        assert Counter(name.rsplit("/", 1)[0] for name in asked) == {
            "/".join(pair): size for pair, size in SIZES.items()
        }
        assert set(asked.values()) == {1}
        assert {(cell.task, cell.length): cell.n for cell in read_cells(out)} == SIZES


def run(
    config: EvaluationConfig, asked: Counter[str], stop_after: int | None, gone: Collection[Pair] = ()
) -> str:
    """Evaluate, and count what is asked; return the refusal, if the run is refused."""
    results: list[SampleResult] = []

    def look_on(result: SampleResult) -> None:
        results.append(result)
        asked[result.sample.sample_id] += 1
        if len(results) == stop_after:
            raise StoppedError

    try:
        evaluate(config, model=Constant(), on_result=look_on)  # pyright: ignore[reportArgumentType]
    except BabilongError as refusal:
        return str(refusal)
    except StoppedError:
        return ""
    wanted = {
        pair: min(size, config.limit or size)
        for pair, size in SIZES.items()
        if pair not in gone and pair[0] in (config.tasks or pair) and pair[1] in (config.lengths or pair)
    }
    found = {(cell.task, cell.length): cell.n for cell in read_cells(Path(config.out))}
    assert {pair: found.get(pair) for pair in wanted} == wanted
    return ""
