"""The built-in prose: a pure function of (seed, index) that reads like print and knows nothing of bAbI."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest

from babilong_gen.archive import tar_members
from babilong_gen.noise.sources.procedural import VERSION, procedural_document, procedural_documents


def words(text: str) -> list[str]:
    return re.findall(r"[a-z]+", text.lower())


# People, places, things and animals of the twenty tasks; shapes, colours and directions too, since the
# tasks ask for them.
ENTITIES = frozenset(
    words("""antoine bernhard bill brian daniel emily fred gertrude greg jason jeff jessica john julie julius
    lily mary sandra sumit winona yann bathroom bedroom cinema garden hallway kitchen office park school
    apple box chest chocolate chocolates container football milk pajamas suitcase cat cats frog lion mice
    mouse rhino sheep swan wolf wolves rectangle sphere square triangle blue gray green pink red white yellow
    east north south west""")
)
# All other words that the official files are made of.
ORDINARY = frozenset(
    words("""a above afraid after afternoon afterwards and are back before below bigger bored carrying color
    did discarded do does down dropped e either evening fit fits following from gave get give go got grabbed
    handed he how hungry in inside is journeyed left longer many maybe morning moved n no none not nothing
    objects of one or passed picked put received right s she than that the then there they thirsty this three
    tired to took travelled two up w was went what where who why will yes yesterday you""")
)


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return [document.text for document in islice(procedural_documents(), 200)]


def fingerprint(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def sentences(text: str) -> list[str]:
    """A rough cut that is good enough to count: after a full stop and its quotation mark."""
    flat = text.replace("\n\n", " \n")
    return re.split(r"(?<=[.?!])(?<!Mr\.)(?<!Mrs\.)(?<!Dr\.)[”\"]?\s+(?=[A-Z“\"])", flat)


def test_the_text_of_this_version_never_changes(texts: list[str]) -> None:
    """Where this fails on purpose, raise VERSION, train the tokenizer again, and pin the new hashes."""
    assert (VERSION, fingerprint(texts[0]), fingerprint("".join(texts))) == (
        "1",
        "17d317f14ad8dd2a",
        "34a80d90a6d43fcf",
    )


def test_a_document_depends_on_seed_and_index_alone() -> None:
    third_from_the_start = list(islice(procedural_documents(7), 3))[2]
    assert third_from_the_start == procedural_document(7, 2) == next(procedural_documents(7, first=2))


def test_seeds_and_indices_give_different_documents() -> None:
    keys = [(seed, index) for seed in (0, 1, 2) for index in (0, 1, 10, 1_000_000)]
    assert len({procedural_document(*key).text for key in keys}) == len(keys)
    assert len({procedural_document(*key).name for key in keys}) == len(keys)


def test_a_document_is_as_long_as_a_short_story(texts: list[str]) -> None:
    assert all(1500 <= len(text.split()) <= 3500 for text in texts)


def test_no_entity_of_the_babi_tasks_occurs_nor_several_of_a_kind(texts: list[str]) -> None:
    found = {word for text in texts for word in words(text)}
    assert ENTITIES.isdisjoint(found)
    assert ENTITIES.isdisjoint(word.removesuffix("s") for word in found)
    assert ENTITIES.isdisjoint(word.removesuffix("es") for word in found)


def test_the_entities_above_are_all_that_the_official_files_hold(shared_data: Path) -> None:
    archive = tar_members(shared_data / "babi" / "tasks_1-20_v1-2.tar.gz", lambda name: "/qa" in name)
    official = {word for _, content in archive for word in words(content.decode())}
    assert official - ORDINARY == ENTITIES


def test_hardly_a_sentence_comes_twice(texts: list[str]) -> None:
    counts = Counter(sentence for text in texts for sentence in sentences(text) if len(sentence.split()) >= 6)
    assert sum(counts.values()) > 20_000
    assert sum(counts.values()) - len(counts) < 0.001 * sum(counts.values())


def test_sentences_are_short_and_long_as_in_fiction(texts: list[str]) -> None:
    lengths = sorted(len(sentence.split()) for text in texts for sentence in sentences(text))
    assert 12 < sum(lengths) / len(lengths) < 19
    assert lengths[len(lengths) // 20] <= 4
    assert lengths[-len(lengths) // 20] >= 27


@pytest.mark.parametrize(
    "slip",
    [
        r"[{}\[\]|@^¶]",
        r"\ban? an?\b",
        r"(?<!such )\b[Aa] [aeio]\w",
        r"\b[Aa]n [b-df-gj-np-tv-z]",
        r" [,.;?!]|[,;:] ?[,;:.]|  ",
        r"\b(?!had|that)(\w+) \1\b",
        r"\b(?:to|for|of|with|from) (?:he|she)\b",
        r"(?:^|\n\n|[a-z]{2}[.] )[“\"]?[a-z]",
    ],
    ids=["leftover", "a an", "a for an", "an for a", "spacing", "doubled", "case", "capital"],
)
def test_the_prose_is_in_print_order(texts: list[str], slip: str) -> None:
    matches = (match for text in texts for match in re.finditer(slip, text))
    assert [match.string[max(0, match.start() - 20) : match.end() + 20] for match in matches] == []


def test_quotations_are_closed(texts: list[str]) -> None:
    for text in texts:
        assert text.count("“") == text.count("”")
        assert text.count('"') % 2 == 0


def test_some_documents_are_typewritten_and_some_are_typeset(texts: list[str]) -> None:
    typewritten = sum(text.isascii() or "’" not in text for text in texts)
    assert 0.4 < typewritten / len(texts) < 0.8


def test_the_prose_holds_what_splitters_and_tokenizers_stumble_over(texts: list[str]) -> None:
    whole = "\n".join(texts)
    troubles = [
        "Mr. ",
        "Dr. ",
        "Capt. ",
        "St. ",
        "No. ",
        " p.m.",
        "£",
        "?”",
        '!"',
        "; ",
        ": ",
        "—",
        "--",
        "’s",
        "'s",
    ]
    assert [trouble for trouble in troubles if trouble not in whole] == []
