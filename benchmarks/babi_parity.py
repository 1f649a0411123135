"""How close are our simulated stories to the official bAbI files, and do the solvers agree with both?

    python benchmarks/babi_parity.py --babi tasks_1-20_v1-2.tar.gz --tasks qa1,qa2 --samples 10000

For each task one row, official against simulated (missing/extra = only official / only simulated):

    facts, questions    sentence templates, names and things replaced by their kind
    words               the vocabulary of facts, questions and answers
    answer, length,     total-variation distance of the answers, of the number of facts before a question,
    support             and of the number of supporting facts; in brackets, about what two samples of these
                        sizes from one distribution show by chance (more where questions share a story)
    solver              shares of questions with the given answer, and with the given set of supporting facts
    rate                questions a second, one core: simulated, solved

With `--show` the templates and words that differ are listed, with `--json` everything is printed as JSON.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from babilong_gen.errors import BabilongError, UsageError
from babilong_gen.rng import Rng
from babilong_gen.solvers import SolverError, solve
from babilong_gen.tasks import TASKS
from babilong_gen.tasks.babi import SPLITS, read_babi
from babilong_gen.tasks.sources import OfficialFiles
from babilong_gen.tasks.story import Story, StoryShape

_KINDS = {
    "Name": "Daniel John Mary Sandra Bill Fred Jeff Julie Antoine Jason Sumit Yann "
    "Emily Gertrude Jessica Winona Bernhard Brian Greg Julius Lily",
    "name": "antoine jason sumit yann emily gertrude jessica winona",
    "place": "bathroom bedroom garden hallway kitchen office cinema park school",
    "object": "apple football milk pajamas",
    "animal": "cat mouse wolf frog lion rhino swan",
    "animals": "cats mice wolves sheep",
    "Animals": "Cats Mice Wolves Sheep",
    "colour": "gray green white yellow red blue pink",
    "shape": "rectangle sphere square triangle",
    "thing": "box chest chocolate container suitcase",
    "direction": "north south east west",
    "motive": "bored hungry thirsty tired",
}
_KIND_OF = {word: f"<{kind}>" for kind, words in _KINDS.items() for word in words.split()}
_KIND_OF["box of chocolates"] = "<thing>"
_WORD = re.compile(r"box of chocolates|[A-Za-z]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class SetDifference:
    """What only the official stories have, and what only the simulated ones have."""

    missing: list[str]
    extra: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Distance:
    """Total-variation distance (0 to 1), and its mean for two samples of one distribution."""

    value: float
    by_chance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Shares of questions where the solver finds the given answer, and the given supporting facts."""

    answers: float
    supporting: float
    questions_per_second: float
    first_difference: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """Official against simulated stories of one task."""

    task: str
    official: int
    simulated: int
    facts: SetDifference
    questions: SetDifference
    words: SetDifference
    answer: Distance
    length: Distance
    support: Distance
    solver_official: Agreement
    solver_simulated: Agreement
    simulated_per_second: float


def main() -> None:
    """Print the table for the tasks asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--babi", required=True, type=Path, help="the bAbI tar.gz or a folder of its files")
    parser.add_argument("--tasks", default="all", help="comma-separated, or all")
    parser.add_argument(
        "--split", choices=(*SPLITS, "both"), default="both", help="official files to compare with"
    )
    parser.add_argument("--samples", type=int, default=10_000, help="simulated questions a task")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    parser.add_argument("--show", action="store_true", help="list the templates and words that differ")
    asked = parser.parse_args()
    try:
        rows = [
            compare(task, official_stories(asked.babi, task, asked.split), asked.samples)
            for task in chosen_tasks(asked.babi, asked.tasks, asked.split)
        ]
    except BabilongError as error:
        sys.exit(str(error))
    if asked.json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
        return
    Console(width=None if sys.stdout.isatty() else 190).print(as_table(rows))
    if asked.show:
        for row in rows:
            print_differences(row)


def chosen_tasks(babi: Path, wanted: str, split: str) -> list[str]:
    """The tasks of `wanted`; all that the files have for `all`."""
    splits = SPLITS if split == "both" else (split,)
    there = {task for each in splits for task in OfficialFiles(path=babi, split=each).tasks()}
    if wanted == "all":
        return [task for task in TASKS if task in there]
    tasks = wanted.split(",")
    for task in tasks:
        if task not in there:
            raise UsageError(f"{babi} has no file of {task}; it has {', '.join(sorted(there))}")
    return tasks


def official_stories(babi: Path, task: str, split: str) -> list[Story]:
    """The stories of one split, or of those that are there."""
    splits = SPLITS if split == "both" else (split,)
    there = [each for each in splits if task in OfficialFiles(path=babi, split=each).tasks()]
    return [story for each in there for story in read_babi(babi, task, each)]


def compare(task: str, official: list[Story], samples: int) -> Parity:
    """One row: `samples` fresh stories against the official ones."""
    began = time.perf_counter()
    simulated = [TASKS[task].simulate(Rng("parity", task, index), StoryShape()) for index in range(samples)]
    seconds = time.perf_counter() - began
    return Parity(
        task=task,
        official=len(official),
        simulated=len(simulated),
        facts=difference(fact_templates, official, simulated),
        questions=difference(question_templates, official, simulated),
        words=difference(vocabulary, official, simulated),
        answer=distance(lambda story: story.answer, official, simulated),
        length=distance(lambda story: len(story.facts), official, simulated),
        support=distance(lambda story: len(story.supporting), official, simulated),
        solver_official=agreement(task, official),
        solver_simulated=agreement(task, simulated),
        simulated_per_second=samples / seconds,
    )


def template(sentence: str) -> str:
    """`sentence` with each name or thing replaced by its kind: "<Name> went to the <place>."."""
    return _WORD.sub(lambda word: _KIND_OF.get(word[0], word[0]), sentence)


def fact_templates(stories: Iterable[Story]) -> set[str]:
    """The templates of all facts."""
    return {template(fact) for fact in {fact for story in stories for fact in story.facts}}


def question_templates(stories: Iterable[Story]) -> set[str]:
    """The templates of all questions."""
    return {template(story.question) for story in stories}


def vocabulary(stories: Iterable[Story]) -> set[str]:
    """The words of facts, questions and answers, as written."""
    texts = {text for story in stories for text in (*story.facts, story.question, story.answer)}
    return {word for text in texts for word in _WORD.findall(text)}


def difference(
    parts: Callable[[Iterable[Story]], set[str]], official: Sequence[Story], simulated: Sequence[Story]
) -> SetDifference:
    """What `parts` finds in only one of the two."""
    ours, theirs = parts(simulated), parts(official)
    return SetDifference(missing=sorted(theirs - ours), extra=sorted(ours - theirs))


def distance(
    value: Callable[[Story], Hashable], official: Sequence[Story], simulated: Sequence[Story]
) -> Distance:
    """Total-variation distance of `value` between the two, half the sum of absolute differences."""
    theirs, ours = Counter(map(value, official)), Counter(map(value, simulated))
    shares = [(theirs[each] / len(official), ours[each] / len(simulated)) for each in theirs | ours]
    # The mean absolute deviation of a binomial share p of n draws is about sqrt(2 p (1 - p) / (pi n)).
    per_draw = 1 / len(official) + 1 / len(simulated)
    by_chance = sum(math.sqrt(2 * share * (1 - share) * per_draw / math.pi) for _, share in shares) / 2
    return Distance(value=sum(abs(their - our) for their, our in shares) / 2, by_chance=by_chance)


def agreement(task: str, stories: Sequence[Story]) -> Agreement:
    """Solve each story from its text; an unreadable fact counts as a wrong answer."""
    answers = supporting = 0
    first_difference = None
    seconds = 0.0
    for story in stories:
        began = time.perf_counter()
        try:
            solution = solve(task, story.facts, story.question)
        except SolverError as error:
            first_difference = first_difference or f"{error} in {story}"
            continue
        finally:
            seconds += time.perf_counter() - began
        answers += solution.answer == story.answer
        supporting += set(solution.supporting) == set(story.supporting)
        if solution.answer != story.answer or set(solution.supporting) != set(story.supporting):
            first_difference = first_difference or f"{solution} for {story}"
    return Agreement(
        answers=answers / len(stories),
        supporting=supporting / len(stories),
        questions_per_second=len(stories) / seconds,
        first_difference=first_difference,
    )


def as_table(rows: Sequence[Parity]) -> Table:
    """The rows for a person."""
    table = Table(
        title="bAbI: official against simulated (missing/extra; distances with their mean by chance)"
    )
    for title in (
        "task",
        "official",
        "simulated",
        "facts",
        "questions",
        "words",
        "answer",
        "length",
        "support",
    ):
        table.add_column(title, justify="right", no_wrap=True)
    for title in ("solver, official", "solver, simulated", "simulated/s", "solved/s"):
        table.add_column(title, justify="right")
    for row in rows:
        table.add_row(
            row.task,
            f"{row.official:,}",
            f"{row.simulated:,}",
            *(_counts(sets) for sets in (row.facts, row.questions, row.words)),
            *(_distance(each) for each in (row.answer, row.length, row.support)),
            _agreement(row.solver_official),
            _agreement(row.solver_simulated),
            f"{row.simulated_per_second:,.0f}",
            f"{row.solver_simulated.questions_per_second:,.0f}",
        )
    return table


def print_differences(row: Parity) -> None:
    """What stands only on one side, and the first question on which the solver disagrees."""
    for name, sets in (("fact", row.facts), ("question", row.questions), ("word", row.words)):
        for side, items in (("missing", sets.missing), ("extra", sets.extra)):
            for item in items:
                print(f"{row.task}: {side} {name}: {item}")
    for name, solver in (("official", row.solver_official), ("simulated", row.solver_simulated)):
        if solver.first_difference:
            print(f"{row.task}: solver on {name}: {solver.first_difference}")


def _counts(sets: SetDifference) -> str:
    return f"{len(sets.missing)}/{len(sets.extra)}"


def _distance(distance: Distance) -> str:
    return f"{distance.value:.3f} ({distance.by_chance:.3f})"


def _agreement(agreement: Agreement) -> str:
    return f"{agreement.answers:.2%} {agreement.supporting:.2%}"


if __name__ == "__main__":
    main()
