"""What is said around a sample: our own words, and a published run's, word for word."""

from __future__ import annotations

import json
import re
import tarfile
from typing import TYPE_CHECKING

import pytest

from babilong_eval.prompts.prompts import (
    PARTS,
    Prompt,
    adjusted,
    as_settings,
    own_prompts,
    plain_prompts,
    read_prompts,
)
from babilong_eval.results.prediction_files import FileName
from babilong_eval.scoring.official import OFFICIAL_LABELS, official_correct
from babilong_eval.scoring.strict import strict_correct
from babilong_gen.errors import SourceError, UsageError
from babilong_gen.tasks import TASKS

if TYPE_CHECKING:
    from pathlib import Path

PUBLISHED = {
    "prompt": {
        "instruction": "Find the facts.",
        "examples": "<example>\nJo sat. Who sat?\nAnswer: Jo\n</example>",
        "post_prompt": "One word.",
        "template": "{instruction}\n\n{examples}\n\n{post_prompt}\n\n"
        "<context>\n{context}\n</context>\n\nQuestion: {question}",
        "chat_template": True,
    },
    "generate_kwargs": {"max_new_tokens": 20, "do_sample": False, "temperature": None},
}
EXAMPLE = re.compile(r"<example>\n(?P<question>.*?)\nAnswer: (?P<answer>.*?)\n</example>", re.DOTALL)


def write(folder: Path, name: str, settings: object) -> Path:
    path = folder / name
    path.write_text(json.dumps(settings))
    return path


@pytest.mark.parametrize("task", TASKS)
def test_our_examples_have_right_answers_by_both_rules(task: str) -> None:
    examples = list(EXAMPLE.finditer(own_prompts([task]).prompts[task].examples))
    assert examples
    for example in examples:
        target, question = example["answer"], example["question"].rpartition(". ")[2]
        labels = TASKS[task].choices
        assert target in labels
        assert strict_correct([target], [target], [question], labels) == [True]
        if target != "none":  # which the official rule never counts, since it contains "one"
            assert official_correct([target], [target], [question], OFFICIAL_LABELS.get(task, labels)) == [
                True
            ]


@pytest.mark.parametrize("task", TASKS)
def test_our_prompts_have_every_part_and_end_in_the_question(task: str) -> None:
    prompt = own_prompts([task]).prompts[task]
    text = prompt.text("It rained.", "Where is Mary?")
    assert all(getattr(prompt, part) in text for part in PARTS)
    assert text.endswith("<context>\nIt rained.\n</context>\n\nQuestion: Where is Mary?\nAnswer:")


def test_parts_are_switched_off_one_by_one() -> None:
    prompts = own_prompts(["qa1"])
    whole = prompts.prompts["qa1"]
    for part in PARTS:
        text = adjusted(prompts, off=[part]).prompts["qa1"].text("It rained.", "Where is Mary?")
        for other in PARTS:
            assert (getattr(whole, other) in text) == (other != part)


@pytest.mark.parametrize(
    ("parts_off", "chat", "system", "config"),
    [
        ((), False, None, "instruction_yes_examples_yes_post_prompt_yes_chat_template_no"),
        (PARTS, True, None, "instruction_no_examples_no_post_prompt_no_chat_template_yes"),
        (
            ("examples",),
            False,
            "Be brief.",
            "instruction_yes_examples_no_post_prompt_yes_chat_template_no_system_prompt_yes",
        ),
    ],
)
def test_the_config_says_which_parts_are_on(
    parts_off: tuple[str, ...], chat: bool, system: str | None, config: str
) -> None:
    prompts = adjusted(own_prompts(["qa1"]), off=parts_off, system_prompt=system, chat_template=chat)
    assert prompts.prompts["qa1"].config == config


def test_configs_are_named_as_published(shared_data: Path) -> None:
    with tarfile.open(shared_data / "predictions" / "predictions.tar.gz") as archive:
        names = [member.name for member in archive.getmembers() if member.name.endswith(".csv")]
    published = {FileName.of(type(shared_data)(name)).config for name in names}
    for config in filter(lambda config: "chat_template" in config, published):
        on = {part: f"{part}_yes" in config for part in (*PARTS, "chat_template")}
        prompt = Prompt(chat_template=on.pop("chat_template"), **{part: "x" * on[part] for part in PARTS})
        assert prompt.config == config


def test_a_plain_sample_is_input_space_question() -> None:
    prompt = plain_prompts(["memorize"]).prompts["memorize"]
    assert prompt.text("Mary went home.", "Where is Mary?") == "Mary went home. Where is Mary?"
    assert prompt.is_plain


def test_a_published_prompt_is_repeated_word_for_word(tmp_path: Path) -> None:
    path = write(
        tmp_path, "qa1_4k_instruction_yes_examples_yes_post_prompt_yes_chat_template_yes.json", PUBLISHED
    )
    prompts = read_prompts(path, ["qa1"])
    assert prompts.prompts["qa1"].messages(" It rained. ", "Who sat?") == [
        {
            "role": "user",
            "content": "Find the facts.\n\n<example>\nJo sat. Who sat?\nAnswer: Jo\n</example>\n\nOne word."
            "\n\n<context>\nIt rained.\n</context>\n\nQuestion: Who sat?",
        }
    ]
    assert prompts.max_tokens == 20


def test_older_published_files_leave_out_what_is_off(tmp_path: Path) -> None:
    settings = {"prompt": {"instruction": "", "examples": "", "post_prompt": "", "template": None}}
    prompt = read_prompts(write(tmp_path, "qa1_0k_x.json", settings), ["qa1"]).prompts["qa1"]
    assert prompt.text("It rained.", "Who sat?") == "<context>\nIt rained.\n</context>\n\nQuestion: Who sat?"
    assert not prompt.chat_template


def test_what_we_write_is_read_back(tmp_path: Path) -> None:
    written = own_prompts(["qa1", "qa2"])
    for task, prompt in written.prompts.items():
        write(
            tmp_path,
            f"{task}_4k_{prompt.config}.json",
            {"prompt": as_settings(prompt), "generate_kwargs": {}},
        )
    assert read_prompts(tmp_path, ["qa1", "qa2"]) == written


def test_a_prompt_of_another_task_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "qa1_4k_x.json", PUBLISHED)
    with pytest.raises(UsageError, match="a prompt for qa1, but qa2 is to be evaluated; use --tasks qa1"):
        read_prompts(path, ["qa1", "qa2"])


def test_a_folder_that_asks_in_two_ways_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "qa1_4k_a.json", PUBLISHED)
    write(tmp_path, "qa1_8k_b.json", PUBLISHED | {"prompt": {"instruction": "Else."}})
    with pytest.raises(UsageError, match="ask qa1 in different ways"):
        read_prompts(tmp_path, ["qa1"])


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("{", "not readable as JSON"),
        ("[]", "no prompt in it"),
        ('{"prompt": {"instruction": 3}}', "'instruction' of its prompt is 3"),
    ],
)
def test_a_broken_prompt_file_is_named(tmp_path: Path, content: str, complaint: str) -> None:
    path = tmp_path / "mine.json"
    path.write_text(content)
    with pytest.raises(SourceError, match=f"mine.json: .*{complaint}"):
        read_prompts(path, ["qa1"])


@pytest.mark.parametrize("template", ["{context} {answer}", "{context", "{} {question}"])
def test_a_template_with_unknown_places_is_refused(template: str) -> None:
    with pytest.raises(UsageError, match=r"it may hold \{instruction\}"):
        Prompt(template=template)


def test_braces_in_a_sample_are_left_alone() -> None:
    assert Prompt(template="{context} {question}").text("{x}", "{question}?") == "{x} {question}?"
