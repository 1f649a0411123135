"""`babilong evaluate`."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from babilong_eval.commands.options import (
    Data,
    Lengths,
    Limit,
    ModelOption,
    NoExamples,
    NoInstruction,
    NoPostPrompt,
    Prompts,
    Tasks,
    parse_model_options,
    parse_stop,
    parts_left_out,
)
from babilong_gen.commands.app import comma_separated
from babilong_gen.user_paths import user_path, user_spec

if TYPE_CHECKING:
    from rich.table import Table

    from babilong_eval.evaluation.progress import ProgressBar
    from babilong_eval.results.records import Cell


def evaluate(
    data: Data,
    model: Annotated[
        str,
        typer.Option(
            parser=user_spec,
            help="KIND:PATH, such as rmt:runs/mine, hf:gpt2 or api:MODEL@BASE_URL; docs/models.md lists the "
            "kinds.",
        ),
    ],
    out: Annotated[
        Path, typer.Option(parser=user_path, help="Folder of the results; a stopped run continues.")
    ],
    tasks: Tasks = None,
    lengths: Lengths = None,
    limit: Limit = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Samples per batch, at most.")] = 8,
    batch_tokens: Annotated[
        int | None,
        typer.Option(min=1, help="Tokens per batch, at most.", show_default="by device and kind of model"),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, ...")] = "auto",
    answers: Annotated[
        Literal["labels", "text"] | None,
        typer.Option(
            help="Choose among the task's labels, or answer in free text.",
            show_default="text for language models, else labels",
        ),
    ] = None,
    max_tokens: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Tokens per answer, reasoning included, at most.",
            show_default="20, or as in --prompts",
        ),
    ] = None,
    stop: Annotated[
        list[str] | None,
        typer.Option(
            help="End an answer before this string, \\n for a line's end; may be repeated.",
            show_default="none, or as in --prompts",
        ),
    ] = None,
    model_option: ModelOption = None,
    probe: Annotated[
        bool,
        typer.Option("--probe", help="Ask at every length during one pass over the longest (paired data)."),
    ] = False,
    name: Annotated[
        str | None, typer.Option(help="Name of the run in figures.", show_default="that of the model")
    ] = None,
    seed: Annotated[int, typer.Option(help="api: seed of the server's sampling.")] = 0,
    prompts: Prompts = None,
    no_instruction: NoInstruction = False,
    no_examples: NoExamples = False,
    no_post_prompt: NoPostPrompt = False,
    chat_template: Annotated[
        bool | None,
        typer.Option(help="Send the prompt as a chat.", show_default="yes for servers, else no"),
    ] = None,
    system_prompt: Annotated[str | None, typer.Option(help="First message of the chat.")] = None,
    concurrency: Annotated[int, typer.Option(min=1, help="api: requests at a time.")] = 8,
    requests_per_minute: Annotated[
        int | None, typer.Option(min=1, help="api: requests per minute, at most.")
    ] = None,
    timeout: Annotated[float, typer.Option(min=1, help="api: seconds per answer, at most.")] = 600,
    retries: Annotated[
        int, typer.Option(min=0, help="api: how often to ask a busy or failing server again.")
    ] = 5,
    api_key_env: Annotated[
        str, typer.Option(help="api: environment variable with the key.")
    ] = "OPENAI_API_KEY",
) -> None:
    """Ask a model about every sample, and score its answers.

    Give the same command again to continue a killed or interrupted run; samples that failed are asked again.
    Under torchrun or accelerate launch the processes share the samples.

    Example: babilong evaluate data/demo --model rmt:runs/memorize --out results/memorize --lengths 1seg,8seg
    """
    # Arrow must return a long text's memory once it is read; its own pool, chosen at import, keeps it
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    from babilong_eval.evaluation.config import EvaluationConfig
    from babilong_eval.evaluation.distributed import this_rank
    from babilong_eval.evaluation.evaluate import evaluate as run
    from babilong_eval.evaluation.progress import ProgressBar
    from babilong_eval.inference.endpoint import ServerOptions

    config = EvaluationConfig(
        data=data,
        model=model,
        out=out,
        tasks=comma_separated(tasks),
        lengths=comma_separated(lengths),
        limit=limit,
        batch_size=batch_size,
        batch_tokens=batch_tokens,
        device=device,
        prompts=prompts,
        off=parts_left_out(instruction=no_instruction, examples=no_examples, post_prompt=no_post_prompt),
        chat_template=chat_template,
        system_prompt=system_prompt,
        answers=answers,
        max_tokens=max_tokens,
        stop=parse_stop(stop),
        model_options=parse_model_options(model_option),
        probe=probe,
        name=name,
        seed=seed,
        server=ServerOptions(
            concurrency=concurrency,
            requests_per_minute=requests_per_minute,
            timeout_seconds=timeout,
            retries=retries,
            key_variable=api_key_env,
        ),
    )
    with ProgressBar(quiet=this_rank().number > 0) as progress:
        cells = run(config, on_start=progress.start, on_result=progress.advance)
    _report(out, cells, progress, probe=probe)


def _report(out: Path, cells: "list[Cell]", progress: "ProgressBar", *, probe: bool) -> None:
    from rich.console import Console

    from babilong_eval.commands.tables import print_table

    console = Console(stderr=True)
    if probe and progress.segments:
        read, saved = progress.segments - progress.shared, progress.shared
        console.print(
            f"shared prefixes: {read:,} segments were read, {saved:,} fewer than in separate passes"
        )
    for reason, count in progress.failures.most_common(3):
        console.print(f"failed: {count} samples, {reason}; the same command asks them again", markup=False)
    if not cells:
        console.print(f"{out}: this part is done; the process that finishes last writes the results")
        return
    print_table(f"{out}: accuracy and its 95 % interval, by each scoring rule", _as_table(cells))


def _as_table(cells: "list[Cell]") -> "Table":
    """Return a row per task and length, with a column per scoring rule."""
    from rich.table import Table

    from babilong_eval.commands.tables import interval, percent

    rules = list(dict.fromkeys(cell.scorer for cell in cells))
    table = Table()
    for column in ("task", "length"):
        table.add_column(column, no_wrap=True)
    for column in ("n", *rules):
        table.add_column(column, justify="right", no_wrap=True)
    by_rule = {(cell.task, cell.length, cell.scorer): cell for cell in cells}
    for task, length, n in dict.fromkeys((cell.task, cell.length, cell.n) for cell in cells):
        found = [by_rule.get((task, length, rule)) for rule in rules]
        shown = [
            f"{percent(cell.accuracy)} ({interval(cell.ci_low, cell.ci_high)})" if cell else ""
            for cell in found
        ]
        table.add_row(task, length, str(n), *shown)
    return table
