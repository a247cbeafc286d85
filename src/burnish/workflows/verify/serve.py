"""``burnish verify serve``: serve one verifier over HTTP for any framework.

    self-test -> listen -> serve until Ctrl-C or SIGTERM -> finish what runs -> close

Left out on purpose: several processes (one verifier uses all cores already), TLS.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack

from burnish.config.verbs.standalone import ServeVerifierConfig
from burnish.errors import ConfigError
from burnish.verify import Verifier
from burnish.verify.serve.service import VerdictService
from burnish.workflows.run.requirements import require

TOKEN_VARIABLE = "BURNISH_VERIFY_TOKEN"
GRACE_S = 30
"""Seconds for running requests to finish after the signal to stop."""
DOOR_S = 0.5
"""Seconds in which new requests are answered with 503 before connections are refused."""
ANSWER_S = 20
"""Seconds after that to end running requests with 503."""
LEAST_TOKEN = 16


def serve_verifier(config: ServeVerifierConfig, started: Callable[[str], None]) -> None:
    """Serve until a signal; call ``started`` with the address once reachable.

    Raises ConfigError for an address that cannot be bound, or that others can reach without a token, and what
    `Verifier` raises.
    """
    require("serve")
    import uvicorn

    from burnish.workflows.verify.http_api import build_app, is_loopback

    token = _token(config)
    if token is None and not is_loopback(config.host):
        raise ConfigError(
            f"others can reach {config.host}, but no token is set",
            f"Set token_file=FILE or {TOKEN_VARIABLE}, or serve on 127.0.0.1.",
        )
    with ExitStack() as stack:
        listening = stack.enter_context(_listen(config))
        # an infrastructure fault is returned as a verdict for the caller to handle
        verifier = Verifier(config.verify.model_copy(update={"infra_budget": 1.0}))
        service = VerdictService(verifier)
        stack.callback(service.close)
        app = build_app(service, config, token)
        settings = uvicorn.Config(
            app, log_level="warning", access_log=False, lifespan="on", timeout_graceful_shutdown=GRACE_S + ANSWER_S
        )

        class Server(uvicorn.Server):
            async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
                """Let running requests finish; answer 503 to new ones and to those that do not finish in time.

                The socket stays open for a moment, so that callers that are already connecting get the 503.
                """
                service.refuse()
                await asyncio.sleep(DOOR_S)
                closing = asyncio.get_running_loop().call_later(GRACE_S, threading.Thread(target=service.close).start)
                await super().shutdown(sockets)
                closing.cancel()

        server = Server(settings)
        # uvicorn raises the signal again at its end, when everything is closed
        before = signal.signal(signal.SIGTERM, lambda *_: None)
        stack.callback(signal.signal, signal.SIGTERM, before)
        host, port = listening.getsockname()[:2]
        started(f"http://{f'[{host}]' if ':' in host else host}:{port}")
        server.run(sockets=[listening])


def _listen(config: ServeVerifierConfig) -> socket.socket:
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    try:
        return socket.create_server((config.host, config.port), family=family)
    except OSError as error:
        raise ConfigError(
            f"cannot listen on {config.host} port {config.port}: {error.strerror or error}",
            "Set another host or port; port=0 takes a free one.",
        ) from error


def _token(config: ServeVerifierConfig) -> str | None:
    """Read the token from the file, otherwise from the environment; None without one."""
    if config.token_file is None:
        token = os.environ.get(TOKEN_VARIABLE)
    else:
        try:
            token = config.token_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ConfigError(
                f"cannot read the token file {config.token_file}: {error.strerror}", "Give a file with one line."
            ) from error
    if token is not None and len(token) < LEAST_TOKEN:
        raise ConfigError(
            f"the token is shorter than {LEAST_TOKEN} characters", "Create one: openssl rand -hex 32 > FILE"
        )
    return token
