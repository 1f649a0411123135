"""`evaluate --stop`: what ends an answer is asked of a server, cut off, recorded, and part of the run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from babilong_eval.evaluation.config import EvaluationConfig
from babilong_eval.evaluation.evaluate import evaluate
from babilong_eval.models.protocol import Answer
from babilong_eval.models.registry import load_model
from babilong_gen.errors import UsageError
from tests.eval.inference.model_server import chat_answer, serving

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.conftest import Run


def outputs(out: Path) -> set[str]:
    return {text for path in out.glob("*.csv") for text in pd.read_csv(path)["output"]}


def settings_of(out: Path) -> dict[str, Any]:
    return json.loads((out / "run.json").read_text())["options"]["settings"]


def test_a_server_is_told_where_to_stop_and_what_it_leaves_in_is_cut_off(
    babilong: Run, dataset: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with serving(lambda *_: chat_answer("garden\nQuestion: Where is Mary? kitchen")) as server:
        command = ["evaluate", dataset, "--model", f"api:small@{server.url}", "--tasks", "qa11", "--out", out]
        done = babilong(*command, "--stop", r"\n", "--stop", "Question:")
        assert done.returncode == 0, done.stderr
        assert {tuple(request["stop"]) for request in server.requests} == {("\n", "Question:")}
        assert outputs(out) == {"garden"}
        assert settings_of(out)["generate_kwargs"]["stop"] == ["\n", "Question:"]

        other = babilong(*command, "--stop", "Answer:")
        assert other.returncode == 2
        assert "its generate_kwargs is" in other.stderr
        again = babilong(*command, "--stop", r"\n", "--stop", "Question:")
        assert again.returncode == 0, again.stderr


def test_the_prompts_of_an_earlier_run_bring_its_stop_strings(
    babilong: Run, dataset: Path, tmp_path: Path
) -> None:
    with serving(lambda *_: chat_answer("garden\n")) as server:
        command = ["evaluate", dataset, "--model", f"api:small@{server.url}", "--tasks", "qa11"]
        babilong(*command, "--out", tmp_path / "first", "--stop", "END")
        done = babilong(*command, "--out", tmp_path / "second", "--prompts", tmp_path / "first")
        assert done.returncode == 0, done.stderr
        assert server.requests[-1]["stop"] == ["END"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--stop", ""], "an empty string would end every answer"),
        (["--stop", "x"], "this one chooses labels: add --answers text"),
    ],
)
def test_a_stop_string_that_cannot_be_meant_is_refused(
    options: list[str], words: str, babilong: Run, dataset: Path, rmt_folder: Path, tmp_path: Path
) -> None:
    done = babilong("evaluate", dataset, "--model", f"rmt:{rmt_folder}", "--out", tmp_path / "out", *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert not (tmp_path / "out").exists()


def test_the_same_thing_is_not_said_twice(dataset: Path, tmp_path: Path) -> None:
    config = EvaluationConfig(
        data=dataset,
        out=tmp_path,
        model="api:m@http://localhost:1/v1",
        stop=("a",),
        model_options={"stop": "b"},
    )
    with pytest.raises(UsageError, match="give one of them"):
        evaluate(config)


def test_a_model_that_knows_no_stop_strings_is_cut_off_all_the_same(
    dataset: Path, rmt_folder: Path, tmp_path: Path
) -> None:
    inner = load_model(f"rmt:{rmt_folder}", device="cpu")

    class Talker:
        def __getattr__(self, name: str) -> Any:
            return getattr(inner, name)

        def answer(self, question: Any, state: Any, choices: Sequence[Any]) -> list[Answer]:  # noqa: ARG002  # the protocol's
            return [Answer(text="kitchen; or the garden")] * len(choices)

    model: Any = Talker()
    config = EvaluationConfig(
        data=dataset, out=tmp_path / "out", tasks=("qa11",), answers="text", stop=(";",)
    )
    evaluate(config, model=model)
    assert outputs(tmp_path / "out") == {"kitchen"}
    assert settings_of(tmp_path / "out")["generate_kwargs"]["stop_strings"] == [";"]
