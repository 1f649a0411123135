"""The words around a sample of RULER's tasks: those of its templates, without the answer's beginning."""

from __future__ import annotations

from babilong_gen.tasks import RULER_TASKS
from babilong_gen.tasks.ruler.options import VtOptions

TEMPLATE = "{instruction}\n{context}\n{question}"

MAX_NEW_TOKENS = 128
"""How many tokens RULER leaves for an answer about needles."""


def ruler_instruction(task: str) -> str:
    """Return what a model is told before it reads a sample with the published options."""
    options = RULER_TASKS[task][1]
    if isinstance(options, VtOptions):
        return "Memorize and track the chain(s) of variable assignment hidden in the following text."
    many = options.type_needle_v
    one = many[:-1]
    if options.num_needle_q * options.num_needle_v == 1:
        hidden, about = f"A special magic {one} is", one
    else:
        hidden, about = f"Some special magic {many} are", many
    return (
        f"{hidden} hidden within the following text. Make sure to memorize it. "
        f"I will quiz you about the {about} afterwards."
    )
