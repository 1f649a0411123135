"""`babilong export`, end to end: what is asked for, checked, and written in one of three forms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from babilong_eval.data.dataset import open_dataset, select
from babilong_eval.evaluation.backend import MAX_NEW_TOKENS
from babilong_eval.evaluation.resume import labels_of, sizes_of
from babilong_eval.export.chosen_samples import ChosenSamples, Rule
from babilong_eval.export.lm_eval import write_lm_eval
from babilong_eval.export.published import write_published
from babilong_eval.export.ruler import write_ruler
from babilong_eval.prompts.prompts import PromptSet, own_prompts, read_prompts, without
from babilong_gen.atomic import whole_folder
from babilong_gen.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from babilong_gen.generation import Progress

Form = Literal["ruler-jsonl", "lm-eval", "json"]

_WRITERS: Mapping[Form, Callable[[ChosenSamples, Path], None]] = {
    "ruler-jsonl": write_ruler,
    "lm-eval": write_lm_eval,
    "json": write_published,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRequest:
    """What a user asks for; field for field the options of `babilong export`.

    Attributes:
        data: a folder, or the name of a hub repository.
        tasks, lengths: None for all that the dataset has.
        limit: so many samples of each task and length; None for all.
        prompts: a prompt file or folder of an earlier run; None: our own.
        off: those of the prompt's parts that are left out.
        max_tokens: of an answer (`lm-eval`).
        scorer: the rule by which answers count (`lm-eval`).
    """

    data: str
    form: Form
    out: Path
    tasks: tuple[str, ...] | None = None
    lengths: tuple[str, ...] | None = None
    limit: int | None = None
    prompts: Path | None = None
    off: tuple[str, ...] = ()
    max_tokens: int = MAX_NEW_TOKENS
    scorer: Rule = "official"


def export(request: ExportRequest, progress: Progress) -> ChosenSamples:
    """Write a dataset, or a part of it, in another form; memory does not grow with its size.

    Returns:
        What was exported.

    Raises:
        UsageError: a task or length that the dataset has not, or a prompt that cannot be exported.
        SourceError: the dataset is missing or broken.
        OutputError: the folder is there already, or cannot be written.
    """
    dataset = open_dataset(request.data)
    pairs = select(dataset, request.tasks, request.lengths)
    labels = labels_of(dataset, pairs)
    material = ChosenSamples(
        dataset=dataset,
        sizes=sizes_of(dataset, pairs, request.limit),
        labels=labels,
        prompts={} if request.form == "json" else _prompts(request, list(labels)).prompts,
        max_tokens=request.max_tokens,
        scorer=request.scorer,
        told=progress.samples,
    )
    progress.planned(sum(material.sizes.values()))
    with whole_folder(request.out) as folder:
        _WRITERS[request.form](material, folder)
    return material


def _prompts(request: ExportRequest, tasks: Sequence[str]) -> PromptSet:
    found = read_prompts(request.prompts, tasks) if request.prompts else own_prompts(tasks)
    if any(prompt.system_prompt for prompt in found.prompts.values()):
        raise UsageError(
            f"{request.prompts}: has a system prompt, which no exported form can hold; "
            "leave it out there and give it to the program that asks the model"
        )
    return without(found, request.off)
