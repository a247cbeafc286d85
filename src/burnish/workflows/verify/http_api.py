"""Serve the verifier over HTTP: ``POST /verify`` with rows as in the files of ``burnish verify``, verdicts back.

    POST /verify  {"rows": [{"id": "a", "code": "fn main() {}"}]}  ->  {"verdicts": [{"id": "a", ...}]}
    GET  /health  ->  {"status": "ok", "digest": ..., "version": ...}

Verdicts come in the order of the rows. 400 for a broken ``Host`` header, 401 without the right bearer token, 403 for a
foreign ``Host`` (a web page must not reach a local service through its own host name), 413 for a request that is too
large, 422 naming every bad row, 503 when the service is full or stopping. Infra is a verdict, not an error.

The event loop only moves bytes: other threads parse rows, read answers and write verdicts, so ``/health`` answers while
they are busy.

Not covered: TLS (put a proxy before it); streams of verdicts; the API description (`api_description`).
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import json
import re
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.requests import ClientDisconnect

from burnish import __version__
from burnish.config.verbs.standalone import ServeVerifierConfig
from burnish.errors import MachineError
from burnish.records import Verdict
from burnish.verify.serve.service import Submission, VerdictService
from burnish.wording import counted
from burnish.workflows.verify.api_description import health_answers, verify_answers, verify_body, with_token
from burnish.workflows.verify.file import VerifyRow, pair_of, row_problem, verdict_row

RETRY_AFTER_S = 1
_READERS = 2
"""Threads that parse rows and write verdicts; more would only block one another and the event loop."""
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,255})(?::[0-9]{1,5})?")

Problems = list[dict[str, Any]]


class _BadRequestError(Exception):
    """The whole request is refused, with a status and problems."""

    def __init__(self, status: int, problems: Problems) -> None:
        super().__init__()
        self.status = status
        self.problems = problems


def build_app(service: VerdictService, limits: ServeVerifierConfig, token: str | None) -> FastAPI:
    """Build the application, which closes ``service`` at shutdown."""
    readers = ThreadPoolExecutor(_READERS, thread_name_prefix="rows")

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(service.close)
        readers.shutdown(wait=False, cancel_futures=True)

    app = FastAPI(title="burnish verifier", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None)

    @app.get("/health", responses=health_answers())
    async def health(request: Request) -> Response:
        refused = _refused(request, token)
        if refused is not None:
            return refused
        return _answer({"status": "ok", "digest": service.verifier.digest, "version": __version__})

    @app.post("/verify", responses=verify_answers(), openapi_extra=verify_body(limits.rows))
    async def verify(request: Request) -> Response:
        refused = _refused(request, token)
        if refused is not None:
            return refused
        work = asyncio.get_running_loop().run_in_executor
        try:
            body = await _read(request, limits.request_bytes)
            candidates = await work(readers, _parse_rows, body, limits.rows, service.verifier.crates)
            verdicts = await asyncio.wrap_future(service.submit(candidates))
            return await work(readers, _verdicts, verdicts)
        except ClientDisconnect:
            return _error(400, "the request was not sent to its end")  # nobody receives it
        except _BadRequestError as error:
            return _answer({"errors": error.problems}, error.status)
        except MachineError as error:
            return _error(503, error.cause, {"Retry-After": str(RETRY_AFTER_S)})

    if token is not None:
        description = with_token(app.openapi())
        app.openapi = lambda: description  # type: ignore[method-assign]
    return app


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _refused(request: Request, token: str | None) -> Response | None:
    """Return the refusal of an unauthorised caller; None for an authorised one."""
    hosts = request.headers.getlist("host")
    host = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
    if host is None:
        return _error(400, "the Host header is broken")
    if token is None:
        name = host[1].strip("[]").lower()
        return None if is_loopback(name) else _error(403, "this service only answers to loopback names")
    scheme, _, given = request.headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token.encode()):
        return None
    return _error(401, "a bearer token is needed", {"WWW-Authenticate": "Bearer"})


async def _read(request: Request, most: int) -> bytes:
    """Read the body; refuse it as soon as it exceeds the limit."""
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise _BadRequestError(413, _whole(f"a request may hold {most} bytes"))
        parts.append(part)
    return b"".join(parts)


def _parse_rows(body: bytes, most: int, built: frozenset[str]) -> Sequence[Submission]:
    """Parse the rows of a request; all or none are accepted."""
    try:
        given = json.loads(body)
    except (ValueError, RecursionError) as error:  # invalid or too deeply nested JSON, or a number of too many digits
        raise _BadRequestError(422, _whole(f"the body is not readable JSON: {error}")) from error
    rows = given.get("rows") if isinstance(given, dict) and given.keys() == {"rows"} else None
    if not isinstance(rows, list):
        raise _BadRequestError(422, _whole("rows: the body is an object with rows, a list, and nothing else"))
    if len(rows) > most:
        raise _BadRequestError(413, _whole(f"a request may hold {counted(most, 'row')}"))
    read: list[VerifyRow] = []
    wrong: Problems = []
    for place, row in enumerate(rows):
        try:
            # Row by row, and as text: half of a surrogate pair is then an error of its own row.
            read.append(VerifyRow.of(row, strict=True))
        except (ValueError, RecursionError) as error:
            wrong.append({"row": place, "reason": row_problem(error)})
    if wrong:
        raise _BadRequestError(422, wrong)
    return [(*pair_of(row, built), row.goal_of_task) for row in read]


def _verdicts(verdicts: Sequence[Verdict]) -> Response:
    return _answer({"verdicts": [verdict_row(verdict) for verdict in verdicts]})


def _whole(reason: str) -> Problems:
    return [{"row": None, "reason": reason}]


def _error(status: int, reason: str, headers: dict[str, str] | None = None) -> Response:
    return _answer({"errors": _whole(reason)}, status, headers)


def _answer(content: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return JSON in ASCII, so that any text of the caller can be returned."""
    return Response(json.dumps(content), status, headers, media_type="application/json")
