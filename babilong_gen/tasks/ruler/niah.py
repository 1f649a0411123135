"""Needles in a haystack (`niah_*`): keys have values, some of the keys are asked about."""

from __future__ import annotations

from babilong_gen.rng import Rng
from babilong_gen.tasks.ruler.needles import Kind, draw_different, needle
from babilong_gen.tasks.ruler.options import NiahOptions
from babilong_gen.tasks.story import Story, StoryShape
from babilong_gen.tasks.task import Lexicon, Task

LEXICON = Lexicon(
    entities=frozenset({"special magic"}),
    predicates=frozenset({"number", "numbers", "uuid", "uuids", "word", "words"}),
)


def simulate(options: NiahOptions, task: Task, rng: Rng, shape: StoryShape) -> Story:
    """Draw a story: the needles in random order, and a question about some keys.

    Answers stand in the order of the keys in the question, those of one key in the order of the text.
    """
    del shape  # `--facts` and its like are refused for RULER's tasks: their own options say it
    count = max(options.num_needle_k, options.num_needle_q)
    keys = draw_different(rng, options.type_needle_k, count)
    values = draw_different(rng, options.type_needle_v, count * options.num_needle_v)
    pairs = [(keys[number // options.num_needle_v], value) for number, value in enumerate(values)]
    rng.shuffle(pairs)
    asked = rng.sample(keys, options.num_needle_q)
    supporting = [number for key in asked for number, pair in enumerate(pairs) if pair[0] == key]
    answers = tuple(pairs[number][1] for number in supporting)
    return task.story(
        facts=[needle(options.type_needle_v, key, value) for key, value in pairs],
        question=_question(options.type_needle_v, asked, len(answers)),
        answer=",".join(answers),
        supporting=tuple(supporting),
        answers=answers,
        names=(*keys, *values),
    )


def haystack(options: NiahOptions) -> str | None:
    """Return the noise source that the task brings along; None for the dataset's own noise."""
    own = {"noise": "repeat", "needle": f"needles:{options.type_needle_k}:{options.type_needle_v}"}
    return own.get(options.type_haystack)


def _question(kind: Kind, keys: list[str], answers: int) -> str:
    """Ask in the words of RULER's template."""
    asked = keys[0] if len(keys) == 1 else f"{', '.join(keys[:-1])}, and {keys[-1]}"
    what = f"is the special magic {kind[:-1]}" if answers == 1 else f"are all the special magic {kind}"
    return f"What {what} for {asked} mentioned in the provided text?"
