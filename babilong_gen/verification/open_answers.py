"""What a row of a task with open answers must hold: a whole text that gives them, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from babilong_gen.solvers import READERS, SolverError
from babilong_gen.tasks import WHOLE_TEXT_TASKS
from babilong_gen.verification.rows import Row, noise_text


def check_open_answers(row: Row) -> Iterator[str]:
    """Check that the whole text gives the answers, that the marked facts alone do, and the noise has none.

    The text is read as it is, noise and all, so that a statement which no fact is would be found. One that is
    nothing but what is asked about has neither facts nor noise, and says so.
    """
    read, question = READERS[row["task"]], row["question"]
    targets = row["targets"]
    if row["target"] != ",".join(targets):
        yield f"target {row['target']!r} is not targets {targets}, comma-joined"
    if row["choices"]:
        yield f"choices {row['choices']} are given, and answers are open"
    whole = row["task"] in WHOLE_TEXT_TASKS
    if whole and (row["facts"] or row["noise"]):
        yield "it names facts or noise, and all of its text is what is asked about"
    try:
        found = read(row["input"], question)
        told = (
            found
            if whole
            else read(" ".join(fact["text"] for fact in row["facts"] if fact["supporting"]), question)
        )
    except SolverError as unsolved:
        yield f"the text does not answer the question: {unsolved}"
        return
    if list(found.answers) != targets:
        yield f"the text gives {list(found.answers)}, targets say {targets}"
    if sorted(told.answers) != sorted(found.answers):
        yield f"the marked facts give {list(told.answers)}, the text {list(found.answers)}"
    marked = sum(fact["supporting"] for fact in row["facts"])
    if not whole and marked != len(targets):
        yield f"{marked} facts are marked: the answer needs {len(targets)}, one for each of its parts"
    noise = "" if whole else noise_text(row)
    if stray := [name for name in found.names if name in noise]:
        yield f"the noise holds {stray[0]!r}, which only the facts may"
