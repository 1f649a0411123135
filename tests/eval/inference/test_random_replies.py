"""Whatever a server says in JSON ends as an answer, or as a failure with its reason; never as a traceback."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from babilong_eval.evaluation.record import logged
from babilong_eval.inference.endpoint import ServerOptions
from babilong_eval.results.predictions_log import open_log, read_logs
from babilong_gen.errors import BabilongError
from tests.eval.inference.model_server import Reply, Server, chat_answer, outcomes, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WORDS = st.sampled_from(["garden", "", " ", "<think>hm", "<think>hm</think>garden", "\x00", "\ud800", "🙂\n"])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["type", "text"]), inner),
    max_leaves=4,
)
PART_KINDS = st.sampled_from(
    ["text", "output_text", "thinking", "reasoning", "refusal", "image_url", None, 3]
)
PARTS = st.lists(
    st.fixed_dictionaries({"type": PART_KINDS}, optional={"text": WORDS | ANYTHING, "thinking": ANYTHING})
    | ANYTHING,
    max_size=3,
)
ERRORS = st.one_of(
    ANYTHING,
    st.fixed_dictionaries({"message": WORDS | ANYTHING}, optional={"code": ANYTHING, "loc": ANYTHING}),
)
ENDS = st.sampled_from(["stop", "length", "content_filter", "tool_calls", "error", "", None, 7, ["stop"]])
MESSAGES = st.none() | st.fixed_dictionaries(
    {"role": st.just("assistant")},
    optional={
        "content": WORDS | PARTS | ANYTHING,
        "refusal": st.none() | WORDS | ANYTHING,
        "reasoning": ANYTHING,
        "reasoning_content": st.none() | WORDS,
        "reasoning_details": PARTS,
        "tool_calls": ANYTHING,
    },
)
CHOICES = st.fixed_dictionaries(
    {},
    optional={
        "index": ANYTHING,
        "finish_reason": ENDS,
        "message": MESSAGES | ANYTHING,
        "text": WORDS | ANYTHING,
        "error": ERRORS,
    },
)
BODIES = st.fixed_dictionaries(
    {"choices": st.lists(CHOICES | ANYTHING, max_size=2) | ANYTHING},
    optional={
        "error": ERRORS,
        "usage": st.none() | st.dictionaries(st.just("prompt_tokens"), ANYTHING) | ANYTHING,
        "id": ANYTHING,
        "service_tier": ANYTHING,
    },
)
REPLIES = st.tuples(st.just(200), BODIES) | st.tuples(
    st.sampled_from([400, 402, 409, 422, 429, 500]), st.fixed_dictionaries({"error": ERRORS}) | ANYTHING
)
SLOW = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
FAST = ServerOptions(retries=0)


@pytest.fixture(scope="module")
def random_server() -> Iterator[tuple[Server, deque[Reply]]]:
    """A server, and the replies that it is going to give."""
    replies: deque[Reply] = deque()
    with serving(lambda *_: replies.popleft() if replies else chat_answer("garden")) as server:
        yield server, replies


@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=SLOW,
)
@given(said=st.lists(REPLIES, min_size=15, max_size=15))
def test_150_replies_end_as_answers_or_reasons(
    random_server: tuple[Server, deque[Reply]],
    tmp_path_factory: pytest.TempPathFactory,
    said: list[tuple[int, Any]],
) -> None:
    server, replies = random_server
    replies.clear()
    replies.extend(said)
    found = outcomes(server, len(said), options=FAST)
    assert len(found) == len(said)
    for outcome in found:
        assert (outcome.answer is None) == bool(outcome.error)
        assert outcome.error or (outcome.answer and outcome.answer.text)
        assert outcome.error.isprintable()
    out: Path = tmp_path_factory.mktemp("log")
    with open_log(out) as append:
        for outcome in found:
            append(logged(outcome))
    read = read_logs(out).values()
    assert [(line.prediction.output, line.prediction.error) for line in read] == [
        (outcome.answer.text if outcome.answer else "", outcome.error) for outcome in found
    ]


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=SLOW,
)
@given(body=ANYTHING)
def test_what_is_no_completion_at_all_is_one_line(
    random_server: tuple[Server, deque[Reply]], body: object
) -> None:
    server, replies = random_server
    replies.clear()
    replies.append((200, body))
    with pytest.raises(BabilongError) as raised:
        outcomes(server, options=FAST)
    assert str(raised.value).isprintable()
