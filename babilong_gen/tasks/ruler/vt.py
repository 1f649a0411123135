"""Variables in a haystack (`vt`): chains of assignments; which variables have this value?"""

from __future__ import annotations

from string import ascii_uppercase

from babilong_gen.rng import Rng
from babilong_gen.tasks.ruler.options import VtOptions
from babilong_gen.tasks.story import Story, StoryShape
from babilong_gen.tasks.task import Lexicon, Task

LEXICON = Lexicon(entities=frozenset({"var"}), predicates=frozenset({"var"}))

_LETTERS = 5


def simulate(options: VtOptions, task: Task, rng: Rng, shape: StoryShape) -> Story:
    """Draw a story: the assignments of all chains mixed, each chain's in order; the first is asked about.

    Answers stand in the order of the chain.
    """
    del shape  # `--facts` and its like are refused for RULER's tasks: their own options say it
    length = options.num_hops + 1
    variables = _different(rng, options.num_chains * length)
    values = rng.sample(range(10_000, 100_000), options.num_chains)
    chains = [variables[first : first + length] for first in range(0, len(variables), length)]
    turns = [number for number in range(options.num_chains) for _ in range(length)]
    rng.shuffle(turns)
    told = [0] * options.num_chains
    facts: list[str] = []
    supporting: list[int] = []
    for chain in turns:
        at = told[chain]
        given = f"VAR {chains[chain][at - 1]}" if at else str(values[chain])
        if chain == 0:
            supporting.append(len(facts))
        facts.append(f"VAR {chains[chain][at]} = {given}.")
        told[chain] += 1
    answers = tuple(chains[0])
    return task.story(
        facts=facts,
        question=f"Find all variables that are assigned the value {values[0]} in the text above.",
        answer=",".join(answers),
        supporting=tuple(supporting),
        answers=answers,
        names=(*variables, *map(str, values)),
    )


def haystack(options: VtOptions) -> str | None:
    """Return the noise source that the task brings along; None for the dataset's own noise."""
    return "repeat" if options.type_haystack == "noise" else None


def _different(rng: Rng, count: int) -> list[str]:
    drawn: dict[str, None] = {}
    while len(drawn) < count:
        drawn["".join(rng.choice(ascii_uppercase) for _ in range(_LETTERS))] = None
    return list(drawn)
