"""The verdict service and callers that are broken, hostile, many or gone."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.workflows.verify.test_serve import TOKEN, _descendants, ask, serving

SLOW = "fn main() { std::thread::sleep(std::time::Duration::from_secs(12)) }"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serving("request_bytes=600000", "rows=1000") as (one, process):
        yield one
        process.terminate()
        _, said = process.communicate()
    assert "Traceback" not in said
    assert process.returncode == 0


def raw(address: str, request: bytes) -> bytes:
    """What the service answers to these bytes."""
    parts = urlsplit(address)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=60) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (b"Host: [::1\r\n", 400),
        (b"Host: [\r\n", 400),
        (b"Host: a b\r\n", 400),
        (b"Host: 127.0.0.1:port\r\n", 400),
        (b"Host: 127.0.0.1:123456\r\n", 400),
        (b"Host: http://127.0.0.1\r\n", 400),
        (b"Host:\r\n", 400),
        (b"Host: 127.0.0.1, localhost\r\n", 400),
        (b"Host: [evil]\r\n", 400),
        (b"Host: [::2]\r\n", 403),
        (b"Host: evil.example:80\r\n", 403),
        (b"Host: LOCALHOST\r\n", 200),
        (b"Host: [::1]:80\r\n", 200),
    ],
)
def test_a_broken_host_is_told_from_a_foreign_one(address: str, headers: bytes, status: int) -> None:
    answer = raw(address, b"GET /health HTTP/1.1\r\nConnection: close\r\n" + headers + b"\r\n")
    assert int(answer.split()[1]) == status


@pytest.mark.parametrize(
    ("rows", "places"),
    [
        (r'[{"id": "a", "code": "x"}, {"id": "b", "code": "\ud800"}, {"id": "\udfff", "code": "x"}]', [1, 2]),
        (r'[{"id": "a", "code": "x", "\ud800": 1}]', [0]),
        ('[{"id": "a", "code": "x"}, {"id": "b", "code": 5}, 7, null]', [1, 2, 3]),
        ('[{"id": "a", "code": "x", "crates": ' + "[" * 500 + "]" * 500 + "}]", [0]),
        ('[{"id": "a", "code": "x", "tests": {"kind": "program", "runs": [{"exit_code": true}]}}]', [0]),
    ],
)
def test_a_bad_row_is_refused_with_its_place(address: str, rows: str, places: list[int]) -> None:
    answer = httpx.post(f"{address}/verify", content=f'{{"rows": {rows}}}'.encode(), trust_env=False)
    assert (answer.status_code, [error["row"] for error in answer.json()["errors"]]) == (422, places)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"null", b'{"rows": {}}', b'{"rows": [], "more": 1}', b"\xff", b"[" * 100_000,
        b'{"rows": [' + b"9" * 10_000 + b"]}",
    ],
    ids=range(8),
)  # fmt: skip
def test_a_body_that_is_no_request_is_refused_as_a_whole(address: str, body: bytes) -> None:
    answer = httpx.post(f"{address}/verify", content=body, trust_env=False)
    [error] = answer.json()["errors"]
    assert answer.status_code == 422
    assert len(error["reason"]) < 300


def test_a_whole_surrogate_pair_is_a_character(address: str) -> None:
    rows = r'[{"id": "a", "code": "// \ud83d\ude00\npub fn f() {}"}]'
    answer = httpx.post(f"{address}/verify", content=f'{{"rows": {rows}}}'.encode(), timeout=60, trust_env=False)
    assert answer.json()["verdicts"][0]["reason"] == "ok"


def test_who_hangs_up_is_not_missed(address: str) -> None:
    parts = urlsplit(address)
    body = json.dumps({"rows": [{"id": "a", "code": "pub fn f() {}"}]}).encode()
    head = b"POST /verify HTTP/1.1\r\nHost: localhost\r\nContent-Length: "
    for sent in (body[:10], body):  # in the midst of the request; while the answer is made
        with socket.create_connection((parts.hostname or "", parts.port or 0)) as connection:
            connection.sendall(head + str(len(body)).encode() + b"\r\n\r\n" + sent)
    assert ask(address, [{"id": "a", "code": "pub fn f() {}"}]).json()["verdicts"][0]["reason"] == "ok"


def test_health_answers_while_brackets_are_read(address: str) -> None:
    """Every client's request waits in the service when health is asked: it does not wait for them."""
    rows = [{"id": "a", "completion": one * 250_000} for one in ("[", "{")]
    with ThreadPoolExecutor(4) as callers:
        busy = [callers.submit(ask, address, rows) for _ in range(4)]
        asked = 0
        while not all(one.done() for one in busy):
            health = httpx.get(f"{address}/health", timeout=10, trust_env=False)
            assert health.json()["status"] == "ok"
            asked += 1
    assert asked > 1
    assert {v["status"] for one in busy for v in one.result().json()["verdicts"]} == {"fail"}


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEARER "])
def test_the_scheme_of_a_token_is_written_in_any_case(token_address: str, scheme: str) -> None:
    headers = {"Authorization": f"{scheme} {TOKEN}", "Host": "any.name"}
    assert httpx.get(f"{token_address}/health", headers=headers, trust_env=False).status_code == 200
    wrong = {"Authorization": f"{scheme} {TOKEN}x", "Host": "any.name"}
    assert httpx.get(f"{token_address}/health", headers=wrong, trust_env=False).status_code == 401


@pytest.fixture(scope="module")
def token_address() -> Iterator[str]:
    with serving("request_bytes=600000", "rows=1000", token=TOKEN) as (one, _):
        yield one


def test_what_cannot_be_finished_is_answered_503() -> None:
    few = "import burnish.workflows.verify.serve as serve; serve.GRACE_S = 1"
    with serving("verify.workers=1", before=few) as (address, process), ThreadPoolExecutor(2) as callers:
        running = callers.submit(ask, address, [{"id": "slow", "code": SLOW}])
        while not _descendants(process.pid, "program"):
            os.sched_yield()
        waiting = callers.submit(ask, address, [{"id": "later", "code": SLOW.replace("12", "11")}])
        process.send_signal(signal.SIGTERM)
        answers: list[Any] = [running.result()]
        with contextlib.suppress(httpx.ConnectError):  # it may have come after the door was shut
            answers.append(waiting.result())
        _, said = process.communicate()
    assert {answer.status_code for answer in answers} == {503}
    assert "Traceback" not in said
    assert process.returncode == 0


@pytest.mark.parametrize("with_token", [False, True], ids=["open", "token"])
def test_the_service_is_what_it_says(with_token: bool, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    where = request.getfixturevalue("token_address" if with_token else "address")
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{where}/openapi.json"]
    command += ["--max-examples", "20", "--seed", "1", "--no-color"]
    command += ["-H", f"Authorization: Bearer {TOKEN}"] if with_token else []
    found = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert found.returncode == 0, found.stdout[-2000:]
    assert "2 selected / 2 total" in found.stdout
