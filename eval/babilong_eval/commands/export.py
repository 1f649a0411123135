"""`babilong export`."""

import json
import os
import shlex
from pathlib import Path
from typing import Annotated, Literal

import typer

from babilong_eval.commands.options import (
    Data,
    Lengths,
    Limit,
    NoExamples,
    NoInstruction,
    NoPostPrompt,
    Prompts,
    Tasks,
    parts_left_out,
)
from babilong_eval.models.protocol import MAX_NEW_TOKENS
from babilong_gen.commands.app import comma_separated
from babilong_gen.user_paths import user_path

_NEXT = {
    "ruler-jsonl": "RULER: add {out}/synthetic.yaml to its scripts/synthetic.yaml, then "
    "pred/call_api.py --data_dir {out}/{length} --task babilong_{task}",
    "lm-eval": "lm_eval --include_path {out} --tasks babilong_all --model hf --model_args pretrained=MODEL",
    "json": 'load_dataset({out}, "{length}", split="{task}")',
}


def export(
    data: Data,
    to: Annotated[
        Literal["ruler-jsonl", "lm-eval", "json"],
        typer.Option(
            help="ruler-jsonl: validation.jsonl of NVIDIA RULER; lm-eval: tasks of lm-evaluation-harness; "
            "json: the files of the published BABILong."
        ),
    ],
    out: Annotated[
        Path, typer.Option(parser=user_path, help="New folder; it appears once everything is written.")
    ],
    tasks: Tasks = None,
    lengths: Lengths = None,
    limit: Limit = None,
    scorer: Annotated[
        Literal["official", "strict"],
        typer.Option(help="lm-eval: rule by which answers are scored, as in `babilong score`."),
    ] = "official",
    max_tokens: Annotated[
        int | None,
        typer.Option(
            min=1,
            help=f"lm-eval: tokens per answer, at most; {MAX_NEW_TOKENS} if not given, RULER's tasks more.",
        ),
    ] = None,
    prompts: Prompts = None,
    no_instruction: NoInstruction = False,
    no_examples: NoExamples = False,
    no_post_prompt: NoPostPrompt = False,
) -> None:
    """Write a dataset in another evaluation program's form.

    ruler-jsonl and lm-eval contain whole prompts, the same that `babilong evaluate` uses.

    Example: babilong export data/demo --to lm-eval --out exported/demo
    """
    # Arrow must return a long text's memory once it is read; its own pool, chosen at import, keeps it
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    from babilong_eval.export.export import ExportConfig
    from babilong_eval.export.export import export as run
    from babilong_gen.commands.progress import Bars

    config = ExportConfig(
        data=data,
        form=to,
        out=out,
        tasks=comma_separated(tasks),
        lengths=comma_separated(lengths),
        limit=limit,
        prompts=prompts,
        off=parts_left_out(instruction=no_instruction, examples=no_examples, post_prompt=no_post_prompt),
        max_tokens=max_tokens,
        scorer=scorer,
    )
    with Bars() as bars:
        sizes = run(config, bars).sizes
    task, length = next(iter(sizes))
    typer.echo(f"{out}: {sum(sizes.values()):,} samples of {len(sizes)} tasks and lengths")
    folder = json.dumps(str(out), ensure_ascii=False) if to == "json" else shlex.quote(str(out))
    typer.echo(_NEXT[to].format(out=folder, task=task, length=length))
