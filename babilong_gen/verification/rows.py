"""What one row must hold; each check yields a line for everything that is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from tokenizers import Tokenizer

from babilong_gen.lengths import parse_length
from babilong_gen.noise.corpus.corpus import NoiseCorpus
from babilong_gen.solvers import SOLVERS, SolverError, solve
from babilong_gen.tasks import TASKS
from babilong_gen.tasks.reskin import Vocabulary
from babilong_gen.token_span import token_span

Row = Mapping[str, Any]


def check_tokens(row: Row, tokenizer: Tokenizer, spec: Mapping[str, Any]) -> Iterator[str]:
    """Check that the text has the tokens that the row and its length say, and each fact its own."""
    encoding = tokenizer.encode(row["input"], add_special_tokens=False)
    found = len(encoding)
    if found != row["n_tokens"]:
        yield f"input has {found:,} tokens, n_tokens says {row['n_tokens']:,}"
    length = parse_length(row["length"])
    if not length.facts_only:
        expected = length.input_tokens(
            question_tokens=_continued_tokens(row["question"], tokenizer),
            segment_size=spec["segment_size"],
            reserve=spec["reserve"],
        )
        if found != expected:
            yield f"input has {found:,} tokens, {length.name} asks for {expected:,}"
    for number, fact in enumerate(row["facts"]):
        first, last = token_span(encoding, fact["char_start"], fact["char_end"])
        if (first, last) != (fact["token_start"], fact["token_end"]):
            yield (
                f"fact {number} is not at tokens {fact['token_start']:,} to {fact['token_end']:,} "
                f"but at {first:,} to {last:,}"
            )
    stored = row.get("input_ids")
    if stored is not None and stored != encoding.ids:
        pairs = enumerate(zip(stored, encoding.ids, strict=False))
        first = next((n for n, (a, b) in pairs if a != b), min(len(stored), found))
        yield f"input_ids are not the tokens of input: they differ from token {first:,} on"


def _continued_tokens(sentence: str, tokenizer: Tokenizer) -> int:
    """Return how many tokens a sentence has behind another one and a space."""
    before = tokenizer.encode("a", add_special_tokens=False)
    return len(tokenizer.encode(f"a {sentence}", add_special_tokens=False)) - len(before)


def check_offsets(row: Row) -> Iterator[str]:
    """Check that facts stand at their offsets, in order, one space apart from their neighbours."""
    text: str = row["input"]
    shown = 0
    for number, fact in enumerate(row["facts"]):
        start, end = fact["char_start"], fact["char_end"]
        if start < shown:
            yield f"fact {number} begins before the fact in front of it ends"
        if text[start:end] != fact["text"]:
            yield f"fact {number} is not at characters {start} to {end}"
        if text[start - 1 : start] not in ("", " ") or text[end : end + 1] not in ("", " "):
            yield f"fact {number} is not apart from the text beside it"
        shown = end


def noise_text(row: Row) -> str:
    """Return what is left of `input` without its facts."""
    text: str = row["input"]
    parts: list[str] = []
    shown = 0
    for fact in row["facts"]:
        parts.append(text[shown : fact["char_start"]])
        shown = fact["char_end"]
    parts.append(text[shown:])
    return " ".join(stripped for part in parts if (stripped := part.strip(" ")))


def check_noise(row: Row, corpus: NoiseCorpus, documents: Mapping[str, int]) -> Iterator[str]:
    """Check that what is left without the facts is whole sentences of the corpus: those of `noise`.

    Args:
        documents: the number of each document in the corpus, by name.
    """
    sentences: list[bytes] = []
    text = corpus.text.data
    for span in row["noise"]:
        document = documents.get(span["document"])
        if document is None:
            yield f"noise names the document {span['document']!r}, which the corpus does not have"
            return
        start = int(corpus.document_end[document - 1]) if document else 0
        first, last = start + span["sentence_start"], start + span["sentence_end"]
        if not start <= first < last <= corpus.document_end[document]:
            yield f"noise names sentences of {span['document']!r} that it does not have"
            return
        sentences.append(bytes(text[corpus.byte_start(first) : int(corpus.byte_end[last - 1])]))
    if noise_text(row).encode() != b" ".join(sentences):
        yield "the text without its facts is not the sentences that noise names"


def check_answer(row: Row, vocabulary: Vocabulary, *, official: bool) -> Iterator[str]:
    """Check that the facts found in the text, and the supporting ones alone, give the answer.

    Where others are marked than the solver found, they must be as many: a fact that no answer needs would
    move the depth at which the answer is said to stand.

    Args:
        vocabulary: the words that the stories were told in. Solvers read them in bAbI's own: that the
            hungry go to the kitchen (qa20) is said in no fact.
        official: whether the stories are the official files', which contradict themselves here and there
            (docs/tasks.md lists where): then the marked facts decide.
    """
    task, question, target = row["task"], *map(vocabulary.restore, (row["question"], row["target"]))
    if row["target"] not in row["choices"]:
        yield f"target {target!r} is not among the choices"
    if row.get("targets", [row["target"]]) != [row["target"]]:
        yield f"targets {row['targets']} are not target {target!r} alone"
    if task not in SOLVERS:
        return
    labels = [vocabulary.reword(label) for label in TASKS[task].choices]
    if row["choices"] != labels:
        yield f"choices {row['choices']} are not the task's labels {labels}"
    text: str = row["input"]
    facts = [vocabulary.restore(text[fact["char_start"] : fact["char_end"]]) for fact in row["facts"]]
    marked = [number for number, fact in enumerate(row["facts"]) if fact["supporting"]]
    enough = partial(_enough, task, [facts[n] for n in marked], question, target)
    try:
        solution = solve(task, facts, question)
    except SolverError as unsolved:
        yield f"the facts do not answer the question: {unsolved}"
        return
    if solution.answer != target and not (official and enough()):
        yield f"the facts give {vocabulary.reword(solution.answer)!r}, target says {row['target']!r}"
    elif set(solution.supporting) != set(marked) and not (
        len(solution.supporting) == len(marked) and enough()
    ):
        yield f"facts {sorted(solution.supporting)} support the answer, facts {marked} are marked"


def _enough(task: str, facts: list[str], question: str, target: str) -> bool:
    """Return whether these facts alone give the answer: some questions can be argued in several ways."""
    try:
        return solve(task, facts, question).answer == target
    except SolverError:
        return False
