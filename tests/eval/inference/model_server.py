"""A server of the OpenAI protocol on loopback, which says what a test tells it to."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from babilong_eval.data.dataset import Sample
from babilong_eval.inference.endpoint import Endpoint, ServerOptions
from babilong_eval.inference.openai_server import request_answers
from babilong_eval.prompts.prompts import Prompt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from babilong_eval.inference.sample_result import SampleResult

Reply = tuple[int, Any]


def chat_answer(text: object, **message: object) -> Reply:
    """What a server says when all is well."""
    choice = {
        "index": 0,
        "finish_reason": "stop",
        "message": {"role": "assistant", "content": text, **message},
    }
    return 200, {"id": "1", "object": "chat.completion", "choices": [choice], "usage": {"prompt_tokens": 12}}


def text_answer(text: str) -> Reply:
    return 200, {"id": "1", "object": "text_completion", "choices": [{"text": text, "finish_reason": "stop"}]}


@dataclass
class Server:
    """A running server: what it was asked, and how many requests it has had under way at once."""

    url: str = ""
    requests: list[dict] = field(default_factory=list)
    under_way: int = 0
    most_under_way: int = 0


class QuietServer(ThreadingHTTPServer):
    """Says nothing of clients that gave up: that they do is part of the tests."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        pass


@contextmanager
def serving(
    reply: Callable[[int, dict], Reply], *, key: str | None = None, seconds: float = 0
) -> Iterator[Server]:
    """Serves `reply(number of the request, its body)`; a bytes body is sent as it is."""
    server, lock = Server(), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send(200 if self.authorized() else 401, {"object": "list", "data": []})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                number = len(server.requests)
                server.requests.append({"path": self.path, **body})
                server.under_way += 1
                server.most_under_way = max(server.most_under_way, server.under_way)
            time.sleep(seconds)
            answer = reply(number, body) if self.authorized() else (401, {"error": {"message": "bad key"}})
            with lock:
                server.under_way -= 1
            self.send(*answer)

        def authorized(self) -> bool:
            return key is None or self.headers["Authorization"] == f"Bearer {key}"

        def send(self, status: int, body: object) -> None:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/html" if content[:1] == b"<" else "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_request(self, code: object = "-", size: object = "-") -> None:
            pass

    with QuietServer(("127.0.0.1", 0), Handler) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        server.url = f"http://127.0.0.1:{http.server_port}/v1"
        yield server
        http.shutdown()


CHAT = Prompt(template="{context} {question}", chat_template=True, system_prompt="Be brief.")
TEXT = Prompt(template="{context} {question}")


def samples(n: int) -> list[Sample]:
    return [
        Sample(
            task="qa1",
            length="0k",
            index=index,
            sample_id=f"qa1/0k/{index:06d}",
            utf8=f"Mary went to room {index}.".encode(),
            question="Where is Mary?",
            target="room",
        )
        for index in range(n)
    ]


def outcomes(
    server: Server, n: int = 1, prompt: Prompt = CHAT, options: ServerOptions | None = None, **settings: Any
) -> list[SampleResult]:
    endpoint = Endpoint(model="small", base_url=server.url, options=options or ServerOptions(), **settings)
    results = request_answers(endpoint, samples(n), {"qa1": prompt})
    return sorted(results, key=lambda result: result.sample.index)
