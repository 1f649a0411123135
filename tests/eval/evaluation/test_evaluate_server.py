"""`babilong evaluate` with a server: what a user sees of failures, and what none may see of a key."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import Run
from tests.eval.inference.model_server import Reply, Server, chat_answer, serving

KEY = "sk-proj-Zm9vYmFyYmF6cXV4"
PARTS = [KEY[start : start + 8] for start in range(len(KEY) - 7)]

Evaluate = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def evaluate(babilong: Run, dataset: Path, tmp_path: Path) -> Evaluate:
    """Runs `babilong evaluate` on five samples, into one folder."""

    def run(server: Server, *options: object, out: str = "out") -> subprocess.CompletedProcess[str]:
        model = ["--model", f"api:small@{server.url}", "--retries", 0]
        return babilong("evaluate", dataset, "--tasks", "qa11", *model, "--out", tmp_path / out, *options)

    return run


def test_a_run_in_which_every_sample_failed_has_no_accuracy(evaluate: Evaluate, tmp_path: Path) -> None:
    refused = (400, {"error": {"message": "no such field: logit"}})
    with serving(lambda *_: refused) as server:
        done = evaluate(server)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.splitlines()[-1] == (
            "babilong: every sample failed, so there is no accuracy to report "
            "(5 times: HTTP 400: no such field: logit); mend the cause, and the same command asks them again"
        )
    assert not list((tmp_path / "out").glob("*.csv"))
    assert not (tmp_path / "out" / "results.json").exists()


def test_what_failed_is_asked_again_when_the_server_is_mended(evaluate: Evaluate) -> None:
    broken = True

    def reply(_: int, __: dict) -> Reply:
        return (400, {"error": "broken"}) if broken else chat_answer("garden")

    with serving(reply) as server:
        assert evaluate(server).returncode == 2
        broken = False
        done = evaluate(server)
    assert done.returncode == 0, done.stderr
    assert "qa11" in done.stdout


def test_a_refused_field_is_said_once_on_stderr(evaluate: Evaluate) -> None:
    def reply(_: int, body: dict) -> Reply:
        return (
            (400, {"error": {"message": "unknown field: seed"}}) if "seed" in body else chat_answer("garden")
        )

    with serving(reply) as server:
        done = evaluate(server)
        assert done.returncode == 0, done.stderr
        assert (
            done.stderr.count("note: seed is left out, for the server refuses it (unknown field: seed)") == 1
        )
        quiet = evaluate(server, "--model-option", "seed=none", out="without")
    assert "note:" not in quiet.stderr


@pytest.mark.parametrize("key", [f"{KEY[:12]}\n{KEY[12:]}", f"“{KEY}”"])
def test_a_key_that_cannot_be_sent_is_one_line_without_it(
    key: str, evaluate: Evaluate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with serving(lambda *_: chat_answer("garden")) as server:
        done = evaluate(server)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "OPENAI_API_KEY holds characters that no key can have" in done.stderr
    assert KEY[:8] not in done.stderr
    assert KEY[12:] not in done.stderr


@pytest.fixture(scope="module")
def unkind() -> Iterator[tuple[Server, list[Reply]]]:
    """A server that says what the list holds."""
    said: list[Reply] = []
    with serving(lambda *_: said[0]) as server:
        yield server, said


SLOW = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
BODIES: list[Callable[[str], object]] = [
    lambda text: {"error": {"message": text}},
    lambda text: {"error": text},
    lambda text: {"detail": [{"msg": text}]},
    lambda text: text.encode(),
    lambda text: {"choices": [{"message": {"refusal": text}, "finish_reason": text}]},
    lambda text: {"choices": [{"message": {"content": text, "reasoning": text}}]},
]


@settings(max_examples=12, deadline=None, suppress_health_check=SLOW)
@given(
    status=st.sampled_from([200, 400, 401, 403, 404, 422]),
    body=st.sampled_from(BODIES),
    told=st.sampled_from([KEY, KEY[:10] + "***" + KEY[-8:], f"b'Bearer {KEY}'\n", f"x{KEY}x" * 40]),
)
def test_whatever_a_server_repeats_no_part_of_the_key_is_shown_or_written(
    unkind: tuple[Server, list[Reply]],
    evaluate: Evaluate,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
    status: int,
    body: Callable[[str], object],
    told: str,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    server, said = unkind
    said[:] = [(status, body(told))]
    out = tmp_path_factory.mktemp("unkind")
    done = evaluate(server, "--limit", 2, out=str(out))
    assert "Traceback" not in done.stderr
    written = [path.read_text(errors="replace") for path in out.iterdir()]
    for text in (done.stdout, done.stderr, *written):
        assert not [part for part in PARTS if part in text]
