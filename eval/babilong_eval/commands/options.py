"""Options that several commands share."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from babilong_eval.scoring.score import ScorerName
from babilong_gen.errors import UsageError
from babilong_gen.user_paths import user_path, user_place, user_spec

_ESCAPES = {"n": "\n", "t": "\t", "\\": "\\"}
_ESCAPED = re.compile(r"\\([nt\\])")

# which samples of a dataset
Data = Annotated[
    str,
    typer.Argument(
        parser=user_place, help="Folder or URL of a dataset, or OWNER/NAME[@REVISION] on the Hub."
    ),
]
Tasks = Annotated[str | None, typer.Option(help="Tasks: qa1,qa2,...", show_default="all there are")]
Lengths = Annotated[str | None, typer.Option(help="Lengths: 0k,4k,...", show_default="all there are")]
Limit = Annotated[int | None, typer.Option(min=1, help="Samples per task and length, at most.")]

# the model that reads them
Model = Annotated[
    str, typer.Option(parser=user_spec, help="The model, as KIND:PATH: rmt:FOLDER or a shipped rmt:NAME.")
]

ModelOption = Annotated[
    list[str] | None,
    typer.Option(
        help="NAME=VALUE, an option of the model's kind; may be repeated. api: a field of each request, such "
        "as temperature=1, or left out, as with seed=none."
    ),
]

# the prompts around them
Prompts = Annotated[
    Path | None,
    typer.Option(
        parser=user_path, help="Prompts of an earlier run: a .json beside its predictions, or their folder."
    ),
]
NoInstruction = Annotated[bool, typer.Option("--no-instruction", help="Leave the instruction out.")]
NoExamples = Annotated[bool, typer.Option("--no-examples", help="Leave the examples out.")]
NoPostPrompt = Annotated[bool, typer.Option("--no-post-prompt", help="Leave out how to phrase the answer.")]

# what was answered
Results = Annotated[
    list[Path],
    typer.Argument(
        parser=user_path, help="Results folders of `babilong evaluate`, or folders of published predictions."
    ),
]
Scorer = Annotated[ScorerName, typer.Option(help="Rule by which answers are scored; see `babilong score`.")]
ThresholdOption = Annotated[
    str,
    typer.Option(
        help="Accuracy above which a length counts as mastered; 0.9x0k is a share of the model's own at 0k."
    ),
]
Reference = Annotated[
    Path | None,
    typer.Option(
        parser=user_path,
        help="CSV of published curves to draw too: task,evaluated_segments,accuracy_percent.",
    ),
]


def parts_left_out(*, instruction: bool, examples: bool, post_prompt: bool) -> tuple[str, ...]:
    """Return the parts of a prompt that the three switches take away."""
    parts = {"instruction": instruction, "examples": examples, "post_prompt": post_prompt}
    return tuple(part for part, left_out in parts.items() if left_out)


def parse_model_options(texts: list[str] | None) -> dict[str, Any]:
    """Parse each `NAME=VALUE`; a value may be a number, a truth value, or a path with `~`."""
    return dict(map(_option, texts or ()))


def parse_stop(texts: list[str] | None) -> tuple[str, ...]:
    """Return the strings that end an answer; `\\n` and `\\t` in them are a line's end and a tab."""
    if texts and "" in texts:
        raise UsageError("--stop: an empty string would end every answer before it begins")
    return tuple(_ESCAPED.sub(lambda found: _ESCAPES[found[1]], text) for text in texts or ())


def _option(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    name = name.replace("-", "_")
    if not equals or not name:
        raise UsageError(f"--model-option {text}: expected NAME=VALUE")
    words: dict[str, Any] = {"true": True, "false": False, "none": None}
    if value.lower() in words:
        return name, words[value.lower()]
    for number in (int, float):
        try:
            return name, number(value)
        except ValueError:
            continue
    return name, user_place(value)
