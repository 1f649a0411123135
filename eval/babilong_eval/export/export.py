"""`babilong export`, end to end: checks what is asked for, and writes it in one of three forms."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from babilong_eval.data.dataset import label_sets, open_dataset, select, sizes_of
from babilong_eval.export.chosen_samples import ChosenSamples, Rule
from babilong_eval.export.lm_eval import write_lm_eval
from babilong_eval.export.published import write_published
from babilong_eval.export.ruler import write_ruler
from babilong_eval.models.protocol import MAX_NEW_TOKENS
from babilong_eval.prompts.prompts import PromptSet, adjusted, own_prompts, read_prompts
from babilong_gen.atomic import whole_folder
from babilong_gen.errors import BabilongError, UsageError
from babilong_gen.tokenizer import read_tokenizer
from babilong_gen.write.manifest import MANIFEST

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from tokenizers import Tokenizer

    from babilong_eval.data.dataset import Dataset
    from babilong_gen.generation import Progress

Form = Literal["ruler-jsonl", "lm-eval", "json"]

_WRITERS: Mapping[Form, Callable[[ChosenSamples, Path], None]] = {
    "ruler-jsonl": write_ruler,
    "lm-eval": write_lm_eval,
    "json": write_published,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportConfig:
    """What a user asks for; field for field the options of `babilong export`.

    Attributes:
        data: a folder, or the name of a hub repository.
        tasks, lengths: None for all that the dataset has.
        limit: the first so many samples of each task and length; None for all.
        prompts: a prompt file or folder of an earlier run; None: our own.
        off: the prompt's parts that are left out.
        max_tokens: of an answer (`lm-eval`); None: as many as `babilong evaluate` allows.
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
    max_tokens: int | None = None
    scorer: Rule = "official"


def export(config: ExportConfig, progress: Progress) -> ChosenSamples:
    """Write a dataset, or a part of it, in another form; memory does not grow with its size.

    Returns:
        The samples that were exported.

    Raises:
        UsageError: the dataset does not have a task or length, or a prompt cannot be exported.
        SourceError: the dataset is missing or broken.
        OutputError: the folder is there already, or cannot be written.
    """
    dataset = open_dataset(config.data)
    pairs = select(dataset, config.tasks, config.lengths)
    sizes = sizes_of(dataset, pairs, config.limit)
    labels = label_sets(dataset, pairs)
    prompts = PromptSet(prompts={}) if config.form == "json" else _prompts(config, list(labels))
    chosen = ChosenSamples(
        dataset=dataset,
        sizes=sizes,
        labels=labels,
        prompts=prompts.prompts,
        max_tokens=config.max_tokens or prompts.max_tokens or MAX_NEW_TOKENS,
        tokenizer=_tokenizer(dataset) if config.form == "ruler-jsonl" else None,
        scorer=config.scorer,
        on_sample=progress.samples,
    )
    progress.planned(sum(chosen.sizes.values()))
    with whole_folder(config.out) as folder:
        _WRITERS[config.form](chosen, folder)
    return chosen


def _tokenizer(dataset: Dataset) -> Tokenizer | None:
    """Return the tokenizer of a dataset's manifest; None where it has none, or its tokenizer is elsewhere."""
    if not dataset.has_manifest:
        return None
    manifest = json.loads(dataset.fetch(MANIFEST).read_text(encoding="utf-8"))
    try:
        tokenizer, key = read_tokenizer(manifest["tokenizer"]["name"])
    except BabilongError:
        return None
    return tokenizer if key == manifest["tokenizer"]["key"] else None


def _prompts(config: ExportConfig, tasks: Sequence[str]) -> PromptSet:
    found = read_prompts(config.prompts, tasks) if config.prompts else own_prompts(tasks)
    if any(prompt.system_prompt for prompt in found.prompts.values()):
        raise UsageError(
            f"{config.prompts}: has a system prompt, which no exported form can hold; "
            "leave it out there and give it to the program that asks the model"
        )
    return adjusted(found, off=config.off)
