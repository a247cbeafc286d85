"""Let a server with the OpenAI protocol write completions for tasks.

Requests go to ``/chat/completions``; a server without it gets them at ``/completions``, with the messages' texts
separated by blank lines, and the log says so. Requests run in threads; a busy server (429), its faults (5xx) and broken
connections are retried, after the time that the server names (``Retry-After``) or after doubling waits.

The seed of each sample is sent along; the server may ignore it. Latency is that of the request, including the server's
queue. Not covered: streaming, tools, images, endpoints of other shapes.
"""

from __future__ import annotations

import http.client
import json
import logging
import os
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any, Literal

from burnish.config.verbs.evaluate import EndpointAnswers
from burnish.errors import ConfigError, EndpointError
from burnish.fsio import digest_json, whole_characters
from burnish.records import Completion, Task

log = logging.getLogger(__name__)

TRY_AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
LONGEST_WAIT_S = 60.0
NOT_THERE = frozenset({404, 405})


class EndpointGenerator:
    """A `Generator` over HTTP.

    Args:
        answers: address, model, key, limits and sampling.
        seed: of the run.
        sleep: waits between attempts.
    """

    def __init__(self, answers: EndpointAnswers, *, seed: int, sleep: Callable[[float], None] = time.sleep) -> None:
        self._answers = answers
        self._seed = seed
        self._sleep = sleep
        self._key = os.environ.get(answers.key_variable, "")
        self._chat = True

    @property
    def model_digest(self) -> str:
        """Return a digest of address and name, since the model's files are unknown."""
        return endpoint_digest(self._answers)

    def generate(self, tasks: Sequence[Task], finished: Collection[str] = ()) -> Iterator[list[Completion]]:
        """Yield the completions of each task when its last one arrives.

        Raises:
            ConfigError: the server rejects a request (key, model, options).
            EndpointError: it cannot be reached, or keeps failing.
        """
        done, samples = frozenset(finished), self._answers.sampling.samples
        pending = [(task, sample) for task in tasks if task.id not in done for sample in range(samples)]
        parts: defaultdict[str, list[Completion]] = defaultdict(list)
        pool = ThreadPoolExecutor(self._answers.concurrency, thread_name_prefix="endpoint")
        try:
            if pending:  # the first request alone decides which of the two addresses the server has
                first, *pending = pending
                parts[first[0].id].append(self._ask(*first))
                if samples == 1:
                    yield parts.pop(first[0].id)
            for future in as_completed([pool.submit(self._ask, *pair) for pair in pending]):
                completion = future.result()
                ready = parts[completion.task_id]
                ready.append(completion)
                if len(ready) == samples:
                    yield sorted(parts.pop(completion.task_id), key=lambda answer: answer.sample_index)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _ask(self, task: Task, sample: int) -> Completion:
        body = self._options(task, sample)
        if self._chat:
            body["messages"] = [message.model_dump(include={"role", "content"}) for message in task.prompt]
            started = time.perf_counter()
            answer = self._post("/chat/completions", body, may_be_absent=True)
            if answer is not None:
                return self._read(task, sample, answer, time.perf_counter() - started)
            log.warning("%s knows no chat: asking /completions with plain text", self._answers.url)
            self._chat = False
            del body["messages"]
        body["prompt"] = "\n\n".join(message.content for message in task.prompt)
        body.pop("chat_template_kwargs", None)
        started = time.perf_counter()
        answer = self._post("/completions", body, may_be_absent=False)
        return self._read(task, sample, answer or {}, time.perf_counter() - started)

    def _options(self, task: Task, sample: int) -> dict[str, Any]:
        sampling = self._answers.sampling
        body: dict[str, Any] = {
            "model": self._answers.model,
            "max_tokens": sampling.max_new_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": int(digest_json(["generate", self._seed, task.id, sample])[:7], 16),
        }
        if sampling.top_k:
            body["top_k"] = sampling.top_k
        if sampling.stop:
            body["stop"] = list(sampling.stop)
        if sampling.thinking is not None:
            body["chat_template_kwargs"] = {"enable_thinking": sampling.thinking}
        return body

    def _post(self, path: str, body: dict[str, Any], *, may_be_absent: bool) -> dict[str, Any] | None:
        """Return the server's answer; None when the address does not exist and may be absent."""
        url = self._answers.url.rstrip("/") + path
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {self._key}"} if self._key else {})
        problem = ""
        for attempt in range(self._answers.retries + 1):
            request = urllib.request.Request(url, json.dumps(body).encode(), headers, method="POST")
            wait = min(2.0**attempt, LONGEST_WAIT_S)
            try:
                with urllib.request.urlopen(request, timeout=self._answers.timeout_s) as response:
                    answer = json.loads(response.read())
                if isinstance(answer, dict):
                    return answer
                problem = "its answer is not an object"
            except urllib.error.HTTPError as error:
                body_text = error.read(2000).decode(errors="replace").strip()
                if error.code in NOT_THERE and may_be_absent and "model" not in body_text.lower():
                    return None
                if error.code not in TRY_AGAIN:
                    raise self._refusal(url, error.code, body_text) from error
                problem = f"it answers {error.code}: {body_text[:200]}"
                wait = min(_seconds(error.headers.get("Retry-After"), wait), LONGEST_WAIT_S)
            except ValueError:
                problem = "its answer is not JSON"
            except (OSError, http.client.HTTPException) as error:
                problem = str(getattr(error, "reason", "") or error) or type(error).__name__
            if attempt < self._answers.retries:
                self._sleep(wait)
        raise EndpointError(
            f"{url} failed {self._answers.retries + 1} times: {problem}.",
            "Answers that came are kept: start the server, or check answers.url, and run the same command again.",
        )

    def _refusal(self, url: str, code: int, body_text: str) -> ConfigError:
        if code in (401, 403):
            state = "holds a key that it does not take" if self._key else "is not set"
            return ConfigError(
                f"{url} wants a key, and the variable {self._answers.key_variable} {state}.",
                f"Set it: export {self._answers.key_variable}=..., or name another with answers.key_variable.",
            )
        return ConfigError(
            f"{url} refuses the request ({code}): {body_text[:300] or 'without a reason'}.",
            "Check answers.url, answers.model and answers.sampling.",
        )

    def _read(self, task: Task, sample: int, answer: dict[str, Any], seconds: float) -> Completion:
        try:
            choice = answer["choices"][0]
            text = choice["message"]["content"] if "message" in choice else choice["text"]
        except (KeyError, IndexError, TypeError) as error:
            raise EndpointError(
                f"{self._answers.url} answers in another shape: no choices[0] with a text.",
                "It must speak the OpenAI protocol: check answers.url (it ends in /v1).",
            ) from error
        usage = answer.get("usage") or {}
        reason: Literal["stop", "length"] = "length" if choice.get("finish_reason") == "length" else "stop"
        return Completion(
            task_id=task.id,
            sample_index=sample,
            text=whole_characters(text or ""),  # a server that streams may split a character
            prompt_tokens=int(usage.get("prompt_tokens") or 0),
            completion_tokens=int(usage.get("completion_tokens") or 0),
            finish_reason=reason,
            sampling=self._answers.sampling.deciding() | {"seed": self._seed},
            model_digest=self.model_digest,
            seconds=seconds,
        )


def endpoint_digest(answers: EndpointAnswers) -> str:
    """Return the digest that identifies the model behind an address."""
    return digest_json(["endpoint", answers.url.rstrip("/"), answers.model])


def _seconds(header: str | None, otherwise: float) -> float:
    """Parse ``Retry-After`` in seconds; dates are ignored."""
    try:
        return max(0.0, float(header or ""))
    except ValueError:
        return otherwise
