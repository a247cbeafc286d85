"""Answers over HTTP, from a real server on loopback that can be told to misbehave."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from burnish.config.generate import SamplingConfig
from burnish.config.verbs.evaluate import EndpointAnswers
from burnish.errors import ConfigError, EndpointError
from burnish.generate.openai_http import EndpointGenerator
from burnish.records import Completion, Message, Task

TASKS = [Task(id=f"t{n}", family="f", prompt=(Message(role="user", content=f"say {n}"),)) for n in range(6)]


class Server(ThreadingHTTPServer):
    """Answers with what it was asked, after the statuses in ``faults``."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.faults: list[tuple[int, dict[str, str]]] = []
        self.chat, self.key = True, ""
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.together = 0
        self.gate: threading.Barrier | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, body))
        if self.server.key and self.headers.get("Authorization") != f"Bearer {self.server.key}":
            return self.say(401, {"error": "no"})
        if self.server.faults:
            status, headers = self.server.faults.pop(0)
            return self.say(status, {"error": "busy"}, headers)
        chat = self.path == "/v1/chat/completions"
        if chat and not self.server.chat:
            return self.say(404, {"error": "no such address"})
        if self.server.gate is not None and len(self.server.asked) > 1:
            self.server.gate.wait(timeout=60)  # only requests that come together get through
        said = body["messages"][-1]["content"] if chat else body["prompt"]
        text = {"message": {"role": "assistant", "content": f"{said}!"}} if chat else {"text": f"{said}?"}
        choice = text | {"finish_reason": "length" if "3" in said else "stop"}
        return self.say(200, {"choices": [choice], "usage": {"prompt_tokens": 4, "completion_tokens": 7}})

    def say(self, status: int, content: Any, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(data))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def ask(server: Server, waits: list[float] | None = None, **options: Any) -> list[Completion]:
    answers = EndpointAnswers(url=server.url, model="m", **options)
    noted: list[float] = [] if waits is None else waits
    generator = EndpointGenerator(answers, seed=3, sleep=noted.append)
    return sorted((one for batch in generator.generate(TASKS) for one in batch), key=lambda one: one.task_id)


def test_chat_answers_carry_counts_and_options(server: Server) -> None:
    sampling = SamplingConfig(temperature=0.5, top_k=20, top_p=0.9, stop=("END",), thinking=False, max_new_tokens=9)
    found = ask(server, sampling=sampling)
    assert [one.text for one in found] == [f"say {n}!" for n in range(6)]
    assert {(one.prompt_tokens, one.completion_tokens) for one in found} == {(4, 7)}
    assert [one.finish_reason for one in found] == ["stop"] * 3 + ["length"] + ["stop"] * 2
    assert all(one.seconds > 0 for one in found)
    path, body = server.asked[0]
    assert path == "/v1/chat/completions"
    sent = {key: body[key] for key in ("model", "max_tokens", "temperature", "top_p", "top_k", "stop")}
    expected = {"model": "m", "max_tokens": 9, "temperature": 0.5, "top_p": 0.9, "top_k": 20, "stop": ["END"]}
    assert sent == expected
    assert body["chat_template_kwargs"] == {"enable_thinking": False}
    assert len({body["seed"] for _, body in server.asked}) == 6


def test_requests_are_under_way_together(server: Server) -> None:
    server.gate = threading.Barrier(5)
    assert len(ask(server, concurrency=5)) == 6


def test_samples_of_a_task_come_together(server: Server) -> None:
    answers = EndpointAnswers(url=server.url, model="m", sampling=SamplingConfig(samples=3, temperature=1.0))
    batches = list(EndpointGenerator(answers, seed=0).generate(TASKS, {"t0", "t5"}))
    assert sorted(batch[0].task_id for batch in batches) == ["t1", "t2", "t3", "t4"]
    assert all([one.sample_index for one in batch] == [0, 1, 2] for batch in batches)


def test_a_server_without_chat_is_asked_for_plain_text(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    server.chat = False
    assert [one.text for one in ask(server)] == [f"say {n}?" for n in range(6)]
    assert [path for path, _ in server.asked].count("/v1/chat/completions") == 1
    assert "knows no chat" in caplog.text


def test_a_busy_server_is_retried_after_its_retry_after(server: Server) -> None:
    server.faults = [(429, {"Retry-After": "7"}), (503, {}), (500, {})]
    waits: list[float] = []
    assert len(ask(server, waits)) == 6
    assert waits == [7.0, 2.0, 4.0]


def test_a_failing_or_missing_server_is_an_infra_fault(server: Server) -> None:
    server.faults = [(502, {})] * 3
    with pytest.raises(EndpointError, match="failed 3 times: it answers 502"):
        ask(server, retries=2)
    answers = EndpointAnswers(url="http://127.0.0.1:9/v1", model="m", retries=1)
    with pytest.raises(EndpointError, match="failed 2 times"):
        list(EndpointGenerator(answers, seed=0, sleep=lambda _wait: None).generate(TASKS))


def test_a_refused_request_is_a_user_error_and_not_retried(server: Server) -> None:
    server.faults = [(400, {})]
    with pytest.raises(ConfigError, match="refuses the request"):
        ask(server)
    assert len(server.asked) == 1


def test_the_key_comes_from_the_environment(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.key = "secret"
    with pytest.raises(ConfigError, match="MY_KEY is not set") as refused:
        ask(server, key_variable="MY_KEY")
    assert "MY_KEY" in refused.value.way_out
    monkeypatch.setenv("MY_KEY", "secret")
    assert len(ask(server, key_variable="MY_KEY")) == 6
