"""Describe the verdict service at ``/openapi.json``: request bodies, every answer, and authorisation.

Generated from the models that parse and write, so that it cannot drift; rules between the fields of a row are next to
the row's model (`workflows.verify.file`).

Not covered: the requests themselves (`http_api`).
"""

from __future__ import annotations

import copy
from typing import Any

from pydantic import BaseModel, ConfigDict

from burnish.records import Verdict
from burnish.workflows.verify.file import VerifyRow

BEARER = "bearer"


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Problem(_Answer):
    """One thing that is wrong. ``row`` is its place in the request; null where it is none of a row's."""

    row: int | None
    reason: str


class Problems(_Answer):
    """Everything that is wrong; nothing was judged."""

    errors: list[Problem]


class Health(_Answer):
    """The service is up."""

    status: str
    digest: str
    """Verifiers with equal digests give the same verdicts."""
    version: str


_REFUSALS = {
    400: "The Host header, or the request as a whole, is broken.",
    401: "A bearer token is needed, and this is not it.",
    403: "The service only answers to loopback names.",
    413: "More bytes or rows than a request may hold.",
    422: "Rows that are none, each with its place.",
    503: "Too much is waiting, or the service stops. Ask again later.",
}


def health_answers() -> dict[int | str, dict[str, Any]]:
    """Describe the answers of ``GET /health``."""
    return {200: _answer("Up.", _schema(Health)), **_refused(400, 401, 403)}


def verify_answers() -> dict[int | str, dict[str, Any]]:
    """Describe the answers of ``POST /verify``."""
    verdict = _schema(Verdict)
    verdict["properties"]["id"] = verdict["properties"].pop("task_id")
    verdict["required"] = sorted({*verdict["properties"]})
    verdicts = _object("verdicts", {"type": "array", "items": verdict})
    return {200: _answer("Verdicts in the order of the rows.", verdicts), **_refused(*_REFUSALS)}


def verify_body(most_rows: int) -> dict[str, Any]:
    """Describe the body of ``POST /verify``."""
    rows = {"type": "array", "items": _schema(VerifyRow, mode="validation")}
    rows["description"] = f"At most {most_rows}; more are answered 413."
    content = {"application/json": {"schema": _object("rows", rows)}}
    return {"requestBody": {"required": True, "content": content}}


def with_token(description: dict[str, Any]) -> dict[str, Any]:
    """Describe a service that requires a token."""
    described = copy.deepcopy(description)
    schemes = described.setdefault("components", {}).setdefault("securitySchemes", {})
    schemes[BEARER] = {"type": "http", "scheme": "bearer"}
    described["security"] = [{BEARER: []}]
    return described


def _object(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Describe an object with one field."""
    return {"type": "object", "properties": {name: schema}, "required": [name], "additionalProperties": False}


def _refused(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: _answer(_REFUSALS[status], _schema(Problems)) for status in statuses}


def _answer(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _schema(model: type[BaseModel], mode: Any = "serialization") -> dict[str, Any]:
    """Return a model's schema with all references inlined; no model here contains itself."""
    whole = model.model_json_schema(mode=mode)
    parts = whole.pop("$defs", {})

    def inlined(value: Any) -> Any:
        if isinstance(value, list):
            return [inlined(item) for item in value]
        if not isinstance(value, dict):
            return value
        if "$ref" in value:
            return inlined(parts[value["$ref"].rpartition("/")[2]])
        made = {key: inlined(item) for key, item in value.items() if key != "discriminator"}
        if "const" in made.get("properties", {}).get("kind", {}):  # the field that selects the kind has no default
            made["required"] = sorted({"kind", *made.get("required", ())})
        return made

    schema: dict[str, Any] = inlined(whole)
    return schema
