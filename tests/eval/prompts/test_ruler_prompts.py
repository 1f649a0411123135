"""The words around RULER's tasks: those of its templates, right whatever options a dataset was made with."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from babilong_eval.prompts.prompts import adjusted, own_prompts
from babilong_eval.prompts.ruler import MAX_NEW_TOKENS
from babilong_gen.presets import PRESETS
from babilong_gen.rng import Rng
from babilong_gen.samples import iter_samples
from babilong_gen.solvers import READERS
from babilong_gen.tasks import RULER_TASKS, find_task
from babilong_gen.tasks.story import StoryShape
from babilong_gen.tokenizer import load_tokenizer


def prompt(task: str, *options: str, context: str = "TEXT") -> str:
    story = find_task(task, options).simulate(Rng("test", task), StoryShape())
    return own_prompts([task]).prompts[task].text(context, story.question)


@pytest.mark.parametrize(
    ("task", "options", "opening", "ending"),
    [
        (
            "niah_single_1", (), "A special magic number is hidden within the following text.",
            r"What is the special magic number for \S+ mentioned in the provided text\? "
            r"The special magic number for \S+ mentioned in the provided text is",
        ),
        (
            "niah_single_1", ("niah_single_1:type_needle_v=uuids",), "A special magic uuid is hidden within",
            r"The special magic uuid for \S+ mentioned in the provided text is",
        ),
        (
            "niah_multiquery", (), "Some special magic numbers are hidden within the following text.",
            r"The special magic numbers for (\S+, ){3}and \S+ mentioned in the provided text are",
        ),
        (
            "fwe", (), "Read the following coded text and track the frequency of each coded word. "
            "Find the three most frequently appeared coded words. TEXT\nQuestion: Do not provide any",
            "Answer: According to the coded text above, the three most frequently appeared words are:",
        ),
        (
            "cwe", ("cwe:num_cw=5",), "Below is a numbered list of words.",
            "Answer: The top 5 words that appear most often in the list are:",
        ),
        (
            "vt", (), "Memorize and track the chain",
            r"Answer: According to the chain\(s\) of variable assignment in the text above, the variables "
            r"that are assigned the value \d{5} are:",
        ),
    ],
)  # fmt: skip
def test_prompts_are_those_of_the_templates(
    task: str, options: tuple[str, ...], opening: str, ending: str
) -> None:
    text = prompt(task, *options)
    assert text.startswith(opening)
    assert re.search(f"{ending}$", text)
    assert "{" not in text


@pytest.mark.parametrize("task", ["vt", "cwe"])
def test_the_worked_example_has_the_right_answer(task: str) -> None:
    text = prompt(task)
    whole = own_prompts([task]).prompts[task].instruction
    _, example, _ = text.split(whole)
    context, _, rest = example.strip().partition("\nQuestion: ")
    question = re.match(r"[^.?]+[.?]", rest)
    assert question
    answers = READERS[task](context, question[0]).answers
    told = rest.strip().rpartition("are: ")[2].split()
    assert Counter(word for word in told if word[0].isalpha()) == Counter(answers)
    assert whole in text.replace(example, "")


def test_the_example_of_vt_never_has_the_value_that_is_asked_about() -> None:
    words = own_prompts(["vt"]).prompts["vt"]
    for value, other in (("12345", "54321"), ("54321", "12345"), ("77777", "12345")):
        text = words.text(
            "TEXT", f"Find all variables that are assigned the value {value} in the text above."
        )
        assert text.count(f"= {other}.") == 1
        assert f"= {value}." not in text


def test_a_chat_leaves_the_answers_beginning_to_the_model() -> None:
    chats = adjusted(own_prompts(["niah_single_1"]), chat_template=True).prompts["niah_single_1"]
    question = "What is the special magic number for a-b mentioned in the provided text?"
    [turn] = chats.messages("TEXT", question)
    assert turn["content"].endswith(f"TEXT\n{question}")


def test_examples_can_be_left_out() -> None:
    bare = adjusted(own_prompts(["vt"]), off=["examples"]).prompts["vt"].text("TEXT", "QUESTION?")
    assert bare == (
        "Memorize and track the chain(s) of variable assignment hidden in the following text.\n\n"
        "TEXT\nQuestion: QUESTION?"
    )


def test_answers_may_have_as_many_tokens_as_the_longest_needs() -> None:
    assert own_prompts(["vt", "fwe"]).max_tokens == 50
    assert own_prompts(["niah_single_1", "qa1"]).max_tokens == 128
    assert own_prompts(["qa1"]).max_tokens is None


def test_the_preset_keeps_enough_free_for_prompt_and_answer(
    cache: Path, wordpiece: Path, noise_files: str
) -> None:
    tokenizer = load_tokenizer(str(wordpiece)).tokenizer
    for sample in iter_samples(
        tasks=list(RULER_TASKS),
        lengths=["1k"],
        samples=1,
        noise=noise_files,
        tokenizer=str(wordpiece),
        cache=cache,
    ):
        text = own_prompts([sample.task]).prompts[sample.task].text(sample.input, sample.question)
        around = len(tokenizer.encode(text, add_special_tokens=False)) - sample.n_tokens
        assert around + MAX_NEW_TOKENS[sample.task.partition("_")[0]] <= PRESETS["ruler"]["reserve"]
