"""The verdict service: a real server on loopback, asked by real clients."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from burnish.config.verbs.standalone import ServeVerifierConfig
from burnish.errors import ConfigError
from burnish.workflows.verify.http_api import is_loopback
from burnish.workflows.verify.serve import TOKEN_VARIABLE, serve_verifier

ADD = "fn add(a: i64, b: i64) -> i64 { a + b }"
VALUES = {"kind": "values", "cases": [{"call": "add(2, 3)", "type": "i64", "expected": "5"}]}
TOKEN = "0123456789abcdef" * 2


@contextmanager
def serving(*settings: str, token: str | None = None, before: str = "") -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Address of a running service, and its process; ``before`` runs there first."""
    options = [part for one in ("port=0", "rows=8", "request_bytes=65536", *settings) for part in ("--set", one)]
    environment = {name: value for name, value in os.environ.items() if name != TOKEN_VARIABLE}
    process = subprocess.Popen(
        [sys.executable, "-c", f"{before}\nfrom burnish.cli import main; main()", "verify", "serve", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment | ({TOKEN_VARIABLE: token} if token else {}),
    )
    assert process.stdout is not None
    try:
        said = process.stdout.readline()
        found = re.fullmatch(r"verdicts at (http://\S+)/verify\n", said)
        assert found, (said, process.stderr.read() if process.stderr else "")
        yield found[1], process
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serving() as (one, _):
        yield one


def ask(address: str, rows: Any, **options: Any) -> httpx.Response:
    return httpx.post(f"{address}/verify", json={"rows": rows}, timeout=120, trust_env=False, **options)


def test_rows_become_verdicts_in_their_order(address: str) -> None:
    rows = [
        {"id": "good", "code": ADD, "tests": VALUES},
        {"id": "bad", "completion": f"```rust\n{ADD.replace('+', '-')}\n```", "tests": VALUES},
        {"id": 7, "code": ADD.replace("+", "-"), "tests": VALUES, "goal": "check"},
        {"id": "good", "code": 'fn main() { let x: i32 = ""; }'},
    ]
    verdicts = ask(address, rows).raise_for_status().json()["verdicts"]
    assert [(v["id"], v["status"], v["stage"], v["reason"]) for v in verdicts] == [
        ("good", "pass", "test", "ok"),
        ("bad", "fail", "test", "tests_failed"),
        ("7", "pass", "lint", "ok"),
        ("good", "fail", "check", "compile_error"),
    ]
    assert verdicts[0]["metrics"]["functions"] == 1
    assert ask(address, rows[:1]).json()["verdicts"][0]["cached"]
    assert ask(address, []).json() == {"verdicts": []}


def test_many_callers_at_once_get_their_own(address: str) -> None:
    def one(number: int) -> tuple[int, str]:
        tests = {"kind": "values", "cases": [{"call": "f()", "type": "i32", "expected": str(number // 2)}]}
        rows = [{"id": f"r{number}", "code": f"fn f() -> i32 {{ {number} }}", "tests": tests}]
        [verdict] = ask(address, rows).raise_for_status().json()["verdicts"]
        assert verdict["id"] == f"r{number}"
        return number, verdict["status"]

    with ThreadPoolExecutor(8) as callers:
        found = dict(callers.map(one, range(8)))
    assert found == {number: "pass" if number == 0 else "fail" for number in range(8)}


@pytest.mark.parametrize(
    ("rows", "place", "reason"),
    [
        ([{"id": "a", "code": "fn main() {}"}, {"id": "b"}], 1, "either code or an answer"),
        ([{"id": "a", "code": "", "typo": 1}], 0, "typo"),
        ({"not": "rows"}, None, "rows"),
    ],
)
def test_bad_rows_are_named_and_nothing_is_judged(address: str, rows: Any, place: int | None, reason: str) -> None:
    answer = ask(address, rows)
    [error] = answer.json()["errors"]
    assert (answer.status_code, error["row"]) == (422, place)
    assert reason in error["reason"]


def test_a_request_that_is_not_json_is_refused(address: str) -> None:
    answer = httpx.post(f"{address}/verify", content=b"{", trust_env=False)
    assert answer.status_code == 422


def test_large_requests_are_refused(address: str) -> None:
    assert ask(address, [{"id": str(n), "code": "fn main() {}"} for n in range(9)]).status_code == 413
    assert ask(address, [{"id": "a", "code": "/" * 70_000}]).status_code == 413


def test_health_tells_the_verifier_and_other_names_are_refused(address: str) -> None:
    health = httpx.get(f"{address}/health", trust_env=False).json()
    assert (health["status"], len(health["digest"])) == ("ok", 64)
    for path in ("/health", "/verify"):
        answer = httpx.request(
            "GET" if path == "/health" else "POST", address + path, headers={"Host": "evil.example"}, trust_env=False
        )
        assert answer.status_code == 403


def test_a_token_is_needed_where_there_is_one() -> None:
    with serving("host=0.0.0.0", token=TOKEN) as (address, process):
        reachable = address.replace("0.0.0.0", "127.0.0.1")
        rows = [{"id": "a", "code": "no code"}]
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}):
            assert ask(reachable, rows, headers=headers).status_code == 401
        answer = ask(reachable, rows, headers={"Authorization": f"Bearer {TOKEN}", "Host": "any.name"})
        assert answer.json()["verdicts"][0]["reason"] == "compile_error"
        assert httpx.get(f"{reachable}/health", trust_env=False).status_code == 401
        process.terminate()
        assert process.wait() == 0


def test_stopping_answers_what_runs_and_leaves_no_process() -> None:
    slow = "fn main() { std::thread::sleep(std::time::Duration::from_secs(2)) }"
    with serving("verify.workers=1") as (address, process), ThreadPoolExecutor(1) as caller:
        running = caller.submit(ask, address, [{"id": "slow", "code": slow}])
        while not _descendants(process.pid, "program"):
            os.sched_yield()
        process.send_signal(signal.SIGTERM)
        assert running.result().json()["verdicts"][0]["status"] == "pass"
        assert process.wait() == 0
        assert not _descendants(process.pid, "program")


def test_an_address_for_others_needs_a_token(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)

    def refuse(**fields: Any) -> str:
        with pytest.raises(ConfigError) as caught:
            serve_verifier(ServeVerifierConfig(**fields), lambda _: None)
        return caught.value.cause

    assert "no token is set" in refuse(host="0.0.0.0", port=0)
    assert "cannot read the token file" in refuse(token_file=tmp_path / "none")
    (tmp_path / "short").write_text("short\n")
    assert "shorter than 16" in refuse(token_file=tmp_path / "short")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert "cannot listen on 127.0.0.1" in refuse(port=taken.getsockname()[1])


@pytest.mark.parametrize(
    ("host", "wanted"),
    [("localhost", True), ("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("0.0.0.0", False), ("::", False),
     ("10.0.0.1", False), ("localhost.evil.example", False), ("", False)],
)  # fmt: skip
def test_loopback_is_told_by_the_address(host: str, wanted: bool) -> None:
    assert is_loopback(host) is wanted


def _descendants(ancestor: int, name: str) -> list[int]:
    """Processes below a process with that command name."""
    children = Path(f"/proc/{ancestor}/task")
    found: list[int] = []
    try:
        threads = list(children.iterdir())
    except FileNotFoundError:
        return []
    for thread in threads:
        try:
            below = [int(pid) for pid in (thread / "children").read_text().split()]
        except (FileNotFoundError, ProcessLookupError):
            continue
        for pid in below:
            try:
                command = Path(f"/proc/{pid}/comm").read_text().strip()
            except (FileNotFoundError, ProcessLookupError):
                continue
            found += ([pid] if command == name else []) + _descendants(pid, name)
    return found
