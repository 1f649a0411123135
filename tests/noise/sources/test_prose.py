"""The grammar that the built-in prose is written in, on grammars small enough to see through."""

from __future__ import annotations

import pytest

from babilong_gen.noise.sources.prose.grammar import Grammar
from babilong_gen.noise.sources.prose.people import Person
from babilong_gen.noise.sources.prose.polish import polish, typewritten
from babilong_gen.noise.sources.prose.story import rules
from babilong_gen.noise.sources.prose.telling import Telling
from babilong_gen.rng import Rng

HE = {"he": "he", "him": "him", "his": "his", "himself": "himself"}
SHE = {"he": "she", "him": "her", "his": "her", "himself": "herself"}
ADA = Person(introduction="the cooper Ada Pell", words={"name": "Ada", "call": "Ada"} | SHE)
EDWIN = Person(introduction="Ada’s brother Edwin", words={"name": "Edwin", "call": "Edwin"} | HE)
IDA = Person(introduction="Ida", words={"name": "Ida", "call": "Ida"} | SHE)


def draw(text: str, *, times: int = 1) -> list[str]:
    """`times` draws, in one telling, from the rule `story` of a grammar."""
    grammar = Grammar(text.splitlines())
    story = grammar.rule("story")
    telling = Telling(Rng("prose", 0), grammar.packs)
    telling.people = {"A": ADA}
    telling.new_scene(B=EDWIN, C=IDA, S=IDA)
    return [story(telling) for _ in range(times)]


def test_no_alternative_comes_twice_before_all_have_come_once() -> None:
    drawn = draw("@story\none | two | three\nfour", times=8)
    assert sorted(drawn[:4]) == sorted(drawn[4:]) == ["four", "one", "three", "two"]


def test_an_indented_line_continues_the_one_above() -> None:
    assert draw("@story\nIt rained,\n  and then it did not.") == ["It rained, and then it did not."]


def test_brackets_choose_and_leave_out() -> None:
    drawn = set(draw("@story\na [wet|dry][ and windy|] day", times=60))
    assert drawn == {"a wet day", "a dry day", "a wet and windy day", "a dry and windy day"}


def test_what_is_drawn_once_stays() -> None:
    assert len(set(draw("@story\n{town}\n@town once\nRye | Deal | Hythe", times=9))) == 1


def test_the_columns_of_a_table_belong_together() -> None:
    drawn = draw(
        "@story\n{trade}: {trade.tool}\n@trade once: noun / tool\ncooper / adze\nbaker / peel", times=5
    )
    assert set(drawn) in ({"cooper: adze"}, {"baker: peel"})


def test_people_are_introduced_then_named_then_meant_by_a_pronoun() -> None:
    assert draw("@story\n{A} sat. {A} took {A:his} hat. {B} saw {A:him}.¶{A} rose.") == [
        "the cooper Ada Pell sat. she took her hat. Ada’s brother Edwin saw her.\n\nAda rose."
    ]


def test_a_pronoun_is_not_used_where_it_could_mean_another() -> None:
    assert draw("@story\n{A.name} met {C:him}, and {A} spoke.") == [
        "the cooper Ada Pell met Ida, and Ada spoke."
    ]


def test_one_rule_serves_whoever_it_is_told_of() -> None:
    assert draw("@story\n{nod A} {nod B}\n@nod\n{X} nodded to {Y.call}.") == [
        "the cooper Ada Pell nodded to Edwin. he nodded to Ada."
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("@story\n{plot}", r"there is no rule .*plot"),
        ("@story\n{story}", r"rule 'story' leads back to itself"),
        ("@story\none|two", r"a stray bar in 'one\|two'"),
        ("@story\none\n@story\ntwo", r"rule 'story' stands there twice"),
        ("@story twice\none", r"not the header of a rule: '@story twice'"),
        ("one\n@story\ntwo", r"text before the first rule: 'one'"),
    ],
)
def test_a_faulty_grammar_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        draw(text)


def test_every_rule_of_the_prose_is_used() -> None:
    assert rules().unused == frozenset()


@pytest.mark.parametrize(
    ("drawn", "printed"),
    [
        ("a apple, a hour, a one-eyed owl, a unicorn", "An apple, an hour, a one-eyed owl, a unicorn"),
        (
            "“why?” he said. “go at 4 p.m. precisely!” ^she went",
            "“Why?” he said. “Go at 4 p.m. precisely!” She went",
        ),
        ("Mr. and Mrs. Pell came. dr. Frith did not", "Mr. and Mrs. Pell came. Dr. Frith did not"),
        ("it read: “come.” \n\n he went", "It read: “Come.”\n\nHe went"),
    ],
)
def test_polish_sets_articles_and_capitals_right(drawn: str, printed: str) -> None:
    assert polish(drawn) == printed


def test_a_typewriter_has_no_curly_quotes() -> None:
    assert typewritten("“It’s—so,” he said.") == '"It\'s--so," he said.'
