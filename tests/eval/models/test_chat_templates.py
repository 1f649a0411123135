"""Chat templates that refuse a system prompt, lose it, have no default, or are broken."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from transformers import PreTrainedTokenizerFast

from babilong_eval.evaluation.config import EvaluationConfig
from babilong_eval.evaluation.evaluate import evaluate
from babilong_eval.models.chat import chat_of
from babilong_gen.errors import BabilongError, SourceError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from babilong_eval.models.protocol import Messages

TURNS = "{% for m in messages %}<{{ m.role }}>{{ m.content | trim }}{% endfor %}<assistant>"
REFUSES = "{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
LOSES = "{% for m in messages if m.role != 'system' %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>"
CHAT = [{"role": "system", "content": "Be brief. "}, {"role": "user", "content": "Where is Mary?"}]


@pytest.fixture
def chat(make_tokenizer) -> Callable[[str | dict[str, str]], Callable[[Messages], str]]:
    def of(template: str | dict[str, str]) -> Callable[[Messages], str]:
        tokenizer = PreTrainedTokenizerFast(tokenizer_object=make_tokenizer(40), name_or_path="some/model")
        tokenizer.chat_template = template  # pyright: ignore[reportAttributeAccessIssue]
        found = chat_of(tokenizer)
        assert found is not None
        return found

    return of


@pytest.mark.parametrize("template", [REFUSES + TURNS, LOSES])
def test_a_system_prompt_without_a_place_begins_the_users_turn_and_a_warning_says_so_once(
    chat, template, caplog
):
    render = chat(template)
    with caplog.at_level(logging.WARNING):
        assert [render(CHAT), render(CHAT)] == ["<user>Be brief. \n\nWhere is Mary?<assistant>"] * 2
        assert render(CHAT[1:]) == "<user>Where is Mary?<assistant>"
    (record,) = caplog.records
    assert record.getMessage().startswith("some/model: its chat template takes no system prompt")


def test_a_system_prompt_with_a_place_of_its_own_stays_there(chat, caplog):
    assert chat(TURNS)(CHAT) == "<system>Be brief.<user>Where is Mary?<assistant>"
    assert not caplog.records


def test_several_templates_need_a_default(chat):
    assert chat({"default": TURNS, "rag": LOSES})(CHAT[1:]) == "<user>Where is Mary?<assistant>"
    assert chat({"rag": TURNS})(CHAT[1:]) == "<user>Where is Mary?<assistant>"
    with pytest.raises(UsageError, match=r"some/model has several chat templates \(rag, tool_use\) and none"):
        chat({"rag": TURNS, "tool_use": TURNS})(CHAT)


@pytest.mark.parametrize(
    "template",
    ["{% for m in %}", "{{ messages[7].content }}", "{{ 1 + 'a' }}", "{{ raise_exception('no') }}"],
)
def test_a_broken_template_is_one_line(chat, template):
    with pytest.raises(SourceError, match=r"some/model: its chat template fails .*--no-chat-template"):
        chat(template)(CHAT)


def run(folder: Path, dataset: Path, out: Path, **options: Any) -> list:
    config = EvaluationConfig(
        data=dataset,
        out=out,
        tasks=["qa11"],
        model=f"hf:{folder}",
        chat_template=True,
        max_tokens=1,
        **options,
    )
    return evaluate(config)


def test_a_broken_template_is_told_of_before_anything_is_written(save_small, dataset, tmp_path):
    folder = save_small("hf", "gpt2", tmp_path / "model", n_positions=1024)
    (folder / "chat_template.jinja").write_text("{% for m in %}")
    with pytest.raises(BabilongError, match="its chat template fails"):
        run(folder, dataset, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_template_that_loses_what_the_user_says_is_refused(save_small, dataset, tmp_path):
    folder = save_small("hf", "gpt2", tmp_path / "model", n_positions=1024)
    (folder / "chat_template.jinja").write_text("Hello! {{ messages | length }}")
    with pytest.raises(SourceError, match="its chat template leaves out what the user says"):
        run(folder, dataset, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_template_from_the_field_that_refuses_a_system_prompt(
    save_small, dataset, tmp_path, shared_data, caplog
):
    field = shared_data / "field" / "models" / "nosys" / "chat_template.jinja"
    if not field.is_file():
        pytest.skip("the field's template is not here")
    folder = save_small("hf", "gpt2", tmp_path / "model", n_positions=1024)
    shutil.copy(field, folder / field.name)
    assert {cell.n for cell in run(folder, dataset, tmp_path / "out", system_prompt="Be brief.")} == {5}
    assert sum("takes no system prompt" in record.getMessage() for record in caplog.records) == 1
    log = (tmp_path / "out" / "predictions-0.jsonl").read_text().splitlines()
    assert not any(json.loads(line)["prediction"]["error"] for line in log)
