"""Options that commands share: which samples of a dataset, and the prompts put around them."""

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[str, typer.Argument(help="A dataset's folder, or a hub repository: OWNER/NAME[@REVISION].")]
Tasks = Annotated[str | None, typer.Option(help="qa1,qa2,...  [default: all there are]")]
Lengths = Annotated[str | None, typer.Option(help="0k,4k,...  [default: all there are]")]
Limit = Annotated[int | None, typer.Option(min=1, help="Samples of each task and length.")]
Prompts = Annotated[
    Path | None,
    typer.Option(help="Prompts of an earlier run: a .json beside its predictions, or their folder."),
]
NoInstruction = Annotated[bool, typer.Option("--no-instruction", help="Leave that part of the prompt out.")]
NoExamples = Annotated[bool, typer.Option("--no-examples", help="Leave that part of the prompt out.")]
NoPostPrompt = Annotated[bool, typer.Option("--no-post-prompt", help="Leave that part of the prompt out.")]


def parts_left_out(*, instruction: bool, examples: bool, post_prompt: bool) -> tuple[str, ...]:
    """The parts of a prompt that the three switches take away."""
    parts = {"instruction": instruction, "examples": examples, "post_prompt": post_prompt}
    return tuple(part for part, left_out in parts.items() if left_out)
