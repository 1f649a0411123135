"""Answers samples from the segments that hold their facts: what is lost where noise takes nothing.

    python eval/studies/rmt-paper/facts_alone.py DATA reasoning/4096seg rmt:rmt-499 [RESULTS]

A gate that closes exactly leaves the memory as it was. So where it stays closed at noise, reading these few
segments gives the answer of reading all; RESULTS, a folder of `babilong evaluate`, says for how many it did.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from babilong_eval.data.dataset import open_dataset, read_samples
from babilong_eval.inference.segment_loop import choices_of, encode, make_reader
from babilong_eval.models.protocol import Segment
from babilong_eval.models.registry import load_model
from babilong_eval.models.segments import cuts_of
from babilong_eval.prompts.prompts import plain_prompts
from babilong_eval.results.prediction_files import find_predictions
from babilong_eval.results.records import read_predictions

if TYPE_CHECKING:
    import numpy as np

    from babilong_eval.data.sample import Sample
    from babilong_eval.inference.segment_loop import SegmentReader
    from babilong_eval.models.protocol import SegmentModel


def main(data: str, pair: str, spec: str, results: str | None = None) -> None:
    """Print what is wrong, how much is right, and how often reading all said the same."""
    task, length = pair.split("/")
    reader = make_reader(load_model(spec), plain_prompts([task]).prompts, choose=True)
    files = find_predictions(Path(results)) if results else []
    said = {each.sample_id: each.label for path in files for each in read_predictions(path)}
    alone: dict[str, str] = {}
    right = 0
    for sample in read_samples(open_dataset(data), task, length, tokens=True):
        answer = alone[sample.sample_id] = answer_from_facts(reader, sample)
        right += answer == sample.target
        if answer != sample.target:
            print(f"{sample.sample_id}: {sample.question} {sample.target}, answered {answer}")
    both = alone.keys() & said.keys()
    same = sum(alone[name] == said[name] for name in both)
    print(f"{pair}: {right} of {len(alone)} right; reading all gave the same to {same} of {len(both)}")


@torch.inference_mode()
def answer_from_facts(reader: SegmentReader, sample: Sample) -> str:
    """The answer after the segments that hold a fact or part of one, and the last, which is always read."""
    model, tokens = reader.model, encode(reader, sample).tokens
    *before, last = cuts_of(model, len(tokens))
    memory = memory_of_facts(model, tokens, before, sample)
    question = Segment(torch.tensor(tokens[last], dtype=torch.int64)[None], None)
    (answer,) = model.answer(question, memory, [choices_of(reader, sample)])
    return answer.text


def memory_of_facts(model: SegmentModel, tokens: np.ndarray, cuts: list[slice], sample: Sample) -> Any:
    """The state after those segments alone that hold a fact or part of one."""
    state = model.start(1)
    for cut in cuts:
        if holds_fact(cut, sample):
            state = model.step(torch.tensor(tokens[cut], dtype=torch.int64)[None], None, state)
    return state


def holds_fact(cut: slice, sample: Sample) -> bool:
    """Whether a segment holds a fact of the sample or part of one."""
    return any(fact["token_start"] < cut.stop and cut.start < fact["token_end"] for fact in sample.facts)


if __name__ == "__main__":
    main(*sys.argv[1:])
