"""`run.json` and the files beside predictions hold what a server was really sent, not what it refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.eval.inference.model_server import chat_answer, serving

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Run
    from tests.eval.inference.model_server import Reply

SENT = {"max_completion_tokens": 20, "seed": 0, "top_k": 4}


def reasoning_model(_: int, body: dict) -> Reply:
    """Takes neither `temperature` nor `max_tokens`."""
    for name in ("temperature", "max_tokens"):
        if name in body:
            return 400, {"error": {"message": f"Unsupported parameter: '{name}'", "param": name}}
    return chat_answer("garden")


def recorded(out: Path) -> list[dict[str, Any]]:
    """The settings of `run.json` and of each file of predictions."""
    run = json.loads((out / "run.json").read_text())["options"]["settings"]["generate_kwargs"]
    beside = [json.loads(path.with_suffix(".json").read_text()) for path in sorted(out.glob("*.csv"))]
    return [run, *(settings["generate_kwargs"] for settings in beside)]


def test_a_run_records_the_fields_that_the_server_took(babilong: Run, dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with serving(reasoning_model) as server:
        command = ["evaluate", dataset, "--model", f"api:small@{server.url}", "--model-option", "top_k=4"]
        command += ["--lengths", "0k", "--out", out, "--concurrency", 1]
        first = babilong(*command, "--tasks", "qa11")
        assert first.returncode == 0, first.stderr
        assert recorded(out) == [SENT, SENT]
        asked = len(server.requests)
        again = babilong(*command, "--tasks", "qa11")  # nothing is left to ask
        assert (again.returncode, len(server.requests)) == (0, asked), again.stderr
        assert recorded(out) == [SENT, SENT]
        more = babilong(*command)
        assert more.returncode == 0, more.stderr
        assert recorded(out) == [SENT, SENT, SENT]
        other = babilong(*command, "--max-tokens", 30)
        assert (other.returncode, "its generate_kwargs is" in other.stderr) == (2, True)


def test_a_run_of_which_all_is_taken_records_what_was_asked(
    babilong: Run, dataset: Path, tmp_path: Path
) -> None:
    with serving(lambda *_: chat_answer("garden")) as server:
        command = ["evaluate", dataset, "--model", f"api:small@{server.url}", "--tasks", "qa11"]
        done = babilong(*command, "--out", tmp_path / "out", "--model-option", "seed=none")
    assert done.returncode == 0, done.stderr
    assert recorded(tmp_path / "out") == [{"max_tokens": 20, "temperature": 0.0}] * 2
