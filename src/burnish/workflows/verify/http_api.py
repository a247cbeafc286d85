"""The HTTP face of the verifier: ``POST /verify`` with rows as in the files of ``burnish verify``, verdicts back.

    POST /verify  {"rows": [{"id": "a", "code": "fn main() {}"}]}  ->  {"verdicts": [{"id": "a", ...}]}
    GET  /health  ->  {"status": "ok", "digest": ..., "version": ...}

Verdicts come in the order of the rows. 401 without the right bearer token, 403 for a foreign ``Host`` (a web page
must not reach a local service by a name of its own), 413 for a request that is too large, 422 naming every bad row,
503 when the service is full or stopping. Infra is a verdict, not an error.

Not covered: TLS (put a proxy before it); streams of verdicts.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, ValidationError

from burnish import __version__
from burnish.errors import MachineError
from burnish.records import first_problem
from burnish.verify.serve.service import VerdictService
from burnish.workflows.verify.file import VerifyRow, pair_of, verdict_row

RETRY_AFTER_S = 1


@dataclass(frozen=True)
class ApiLimits:
    """How large a request may be."""

    request_bytes: int
    rows: int


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    rows: list[dict[str, Any]]


def build_app(service: VerdictService, limits: ApiLimits, token: str | None) -> FastAPI:
    """The application; it closes ``service`` when it ends."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(service.close)

    app = FastAPI(title="burnish verifier", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None)

    @app.get("/health")
    async def health(request: Request) -> Response:
        refused = _refused(request, token)
        if refused is not None:
            return refused
        return JSONResponse({"status": "ok", "digest": service.verifier.digest, "version": __version__})

    @app.post("/verify")
    async def verify(request: Request) -> Response:
        refused = _refused(request, token)
        if refused is not None:
            return refused
        body = await _read(request, limits.request_bytes)
        if body is None:
            return _error(413, f"a request may hold {limits.request_bytes} bytes")
        rows, wrong = _rows(body)
        if wrong:
            return JSONResponse({"errors": wrong}, status_code=422)
        if len(rows) > limits.rows:
            return _error(413, f"a request may hold {limits.rows} rows")
        try:
            verdicts = await asyncio.wrap_future(service.submit([(*pair_of(row), row.goal_of_task) for row in rows]))
        except MachineError as error:
            return _error(503, error.cause, {"Retry-After": str(RETRY_AFTER_S)})
        return JSONResponse({"verdicts": [verdict_row(verdict) for verdict in verdicts]})

    return app


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _refused(request: Request, token: str | None) -> Response | None:
    """The answer to a caller who may not ask; None for one who may."""
    if token is None:
        name = urlsplit("//" + request.headers.get("host", "")).hostname or ""
        return None if is_loopback(name) else _error(403, "this service answers to loopback names alone")
    given = request.headers.get("authorization", "")
    if hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
        return None
    return _error(401, "a bearer token is needed", {"WWW-Authenticate": "Bearer"})


async def _read(request: Request, most: int) -> bytes | None:
    """The body; None as soon as it is longer than it may be."""
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            return None
        parts.append(part)
    return b"".join(parts)


def _rows(body: bytes) -> tuple[list[VerifyRow], list[dict[str, Any]]]:
    """Rows, and what is wrong with those that are none: ``row`` (its place), ``reason``."""
    try:
        given = _Body.model_validate_json(body).rows
    except ValidationError as error:
        return [], [{"row": None, "reason": first_problem(error)}]
    rows: list[VerifyRow] = []
    wrong: list[dict[str, Any]] = []
    for place, one in enumerate(given):
        try:
            rows.append(VerifyRow.model_validate(one))
        except ValidationError as error:
            wrong.append({"row": place, "reason": first_problem(error)})
    return rows, wrong


def _error(status: int, reason: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"errors": [{"row": None, "reason": reason}]}, status_code=status, headers=headers)
