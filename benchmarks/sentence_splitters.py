"""Compares sentence splitters on natural stories: faults that can be counted, hand-made cases, speed.

    python benchmarks/sentence_splitters.py STORIES.jsonl.gz [--json OUT.json] [--disagreements 60]

Needs sentencex beside the project's own requirements: pip install sentencex
"""

from __future__ import annotations

import argparse
import json
import random
import re
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import import_module
from itertools import pairwise
from pathlib import Path

from babilong_gen.noise.sources.files import match_files, read_documents

Split = Callable[[str], list[str]]

CASES = [
    ["Mr. and Mrs. Hollis met Dr. Amory at St. Giles.", "They left at noon."],
    ["Then Lt. Marsh spoke to Capt. Orr.", "Both saluted."],
    ["J. R. Pell wrote to A. Voss.", "Nobody answered."],
    ['"Stop!" he said.', '"Why?" asked Ines.', '"Because," he said.'],
    ['"The tide is out," said Oren.', '"We can walk."', "They walked."],
    ['"I have been there.', "I did not like it.", 'I shall not go again," she said.', "He nodded."],
    ["“Are you coming?” asked Ines.", "“No,” said Oren.", "“I am tired.”"],
    ["'It is late,' he said.", "'We should go.'"],
    ["He waited ...", "Nothing came."],
    ["It was late... too late to turn back.", "She knew it."],
    ["What a morning!", "Was it over?", "It was."],
    ["She wrote 'Yes!' on the wall and left.", "It rained."],
    ["The mast was 3.5 metres tall.", "The sail cost $4.20."],
    ["They met at 6 p.m. in the hall.", "Nobody spoke."],
    ["He had lived in the U.S. for years.", "He missed it."],
    ["(He had never liked the sea.)", "He went all the same."],
    ["He had tools, i.e. a hammer, nails, etc. in his bag.", "He set to work."],
    ["Was it No. 7 or No. 9?", "He could not tell."],
    ["He laid the map in her hand.", "She folded it."],
    ["The door of the car stood open.", "Rain fell on the bed."],
]
TITLES = {"Mr.", "Mrs.", "Ms.", "Dr.", "St.", "Lt.", "Capt.", "Col.", "Gen.", "Prof.", "Sgt.", "Maj.", "Rev."}
MERGED = re.compile(r"[a-z]{4,}[.!?][\"”']? [\"“']?[A-Z][a-z]+ [a-z]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One splitter's results.

    Attributes:
        cases: of the hand-made cases, how many are cut exactly as written.
        after_title: sentences that end in a title or a single initial.
        torn_quote: sentences that begin with a closing quotation mark or end in an opening one.
        lower_case: sentences that begin with a small letter, such as ``he said.``
        merged: borders inside sentences that look like one: a word of four letters, a mark, a capital.
        first_mb_s, later_mb_s: million characters a second of processor time, in the first and the second
            half of the stories; no text is read twice, for nupunkt remembers what it has seen.
    """

    splitter: str
    sentences: int
    cases: int
    after_title: int
    torn_quote: int
    lower_case: int
    merged: int
    import_ms: float
    first_mb_s: float
    later_mb_s: float


def with_sentencex() -> Split:
    segment = import_module("sentencex").segment
    return lambda text: [piece.strip() for piece in segment("en", text)]


def with_nupunkt() -> Split:
    return import_module("nupunkt").load_default_model().tokenize


def with_ours() -> Split:
    return import_module("babilong_gen.noise.corpus.sentences").split_sentences


SPLITTERS = {"sentencex": with_sentencex, "nupunkt": with_nupunkt, "nupunkt, our rules": with_ours}


def measure(name: str, texts: list[str]) -> tuple[Row, list[list[str]]]:
    """The row of one splitter, and its sentences of each text."""
    started = time.perf_counter()
    split = SPLITTERS[name]()
    imported = time.perf_counter() - started
    half = len(texts) // 2
    first, first_speed = timed(split, texts[:half])
    later, later_speed = timed(split, texts[half:])
    cut = first + later
    sentences = [sentence for document in cut for sentence in document]
    row = Row(
        splitter=name,
        sentences=len(sentences),
        cases=sum(split(" ".join(case)) == case for case in CASES),
        after_title=sum(map(ends_in_title, sentences)),
        torn_quote=sum(map(has_torn_quote, cut)),
        lower_case=sum(sentence[:1].islower() for sentence in sentences),
        merged=sum(len(MERGED.findall(sentence)) for sentence in sentences),
        import_ms=imported * 1e3,
        first_mb_s=first_speed,
        later_mb_s=later_speed,
    )
    return row, cut


def timed(split: Split, texts: list[str]) -> tuple[list[list[str]], float]:
    """The sentences of each text, and million characters a second of processor time."""
    started = time.process_time()
    cut = [split(text) for text in texts]
    return cut, sum(map(len, texts)) / (time.process_time() - started) / 1e6


def ends_in_title(sentence: str) -> bool:
    last = sentence.rsplit(" ", 1)[-1].lstrip("\"'“‘(")
    return last in TITLES or re.fullmatch(r"[A-HJ-Z]\.", last) is not None  # "I." may end a sentence


def has_torn_quote(sentences: list[str]) -> int:
    """How many borders lie between a quotation mark and what it belongs to, told by the spaces around it."""
    return sum(
        before.endswith((' "', " “")) or after.startswith(('" ', "” ")) or after in '"”'
        for before, after in pairwise(sentences)
    )


def disagreements(texts: list[str], one: list[list[str]], other: list[list[str]], n: int) -> list[str]:
    """``n`` borders, drawn at random, that the first sets and the second does not, in their context."""
    borders = [
        (text, place)
        for text, a, b in zip(texts, one, other, strict=True)
        for place in starts(text, a) - starts(text, b)
    ]
    chosen = random.Random(0).sample(sorted(borders), min(n, len(borders)))
    return [f"{text[max(0, place - 70) : place]}| {text[place : place + 50]}" for text, place in chosen]


def starts(text: str, sentences: list[str]) -> set[int]:
    places, place = set(), 0
    for sentence in sentences:
        place = text.index(sentence, place)
        places.add(place)
        place += len(sentence)
    return places


def table(rows: list[Row]) -> str:
    """The rows as a Markdown table."""
    names = list(asdict(rows[0]))
    lines = [names, ["---"] * len(names)]
    lines += [[f"{v:.1f}" if isinstance(v, float) else str(v) for v in asdict(row).values()] for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main() -> None:
    """Print the table; write JSON and sampled disagreements where asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("stories", help="a file, folder or glob, as in --noise files:GLOB")
    parser.add_argument("--json", type=Path, help="write the rows here too")
    parser.add_argument(
        "--disagreements", type=int, default=0, help="print so many a side, to be judged by eye"
    )
    given = parser.parse_args()

    texts = [" ".join(document.text.split()) for document in read_documents(match_files(given.stories))]
    results = {name: measure(name, texts) for name in SPLITTERS}
    rows = [row for row, _ in results.values()]
    print(f"{len(texts)} stories, {sum(map(len, texts)):,} characters, {len(CASES)} cases\n\n{table(rows)}")
    if given.json:
        given.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    for one, other in (("nupunkt", "sentencex"), ("sentencex", "nupunkt")):
        if given.disagreements:
            print(f"\nborders of {one} that {other} does not set:")
            print("\n".join(disagreements(texts, results[one][1], results[other][1], given.disagreements)))


if __name__ == "__main__":
    main()
