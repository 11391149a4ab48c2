"""Marketo's envelope: nearly every answer is HTTP 200, the truth is inside."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from starlette.responses import JSONResponse, Response

from sandbox.vendors.endpoint import Refusal


def envelope(result: list[Any] | None = None, **more: Any) -> Response:
    """A successful answer."""
    body: dict[str, Any] = {"requestId": _request_id(), "success": True}
    if result is not None:
        body["result"] = result
    return JSONResponse({**body, **more})


def refused(code: int, message: str) -> Refusal:
    """A failure: HTTP 200 with the code as text."""
    return Refusal(
        JSONResponse(
            {
                "requestId": _request_id(),
                "success": False,
                "errors": [{"code": str(code), "message": message}],
            }
        )
    )


def stamp(at: datetime) -> str:
    """A moment as Marketo writes it: UTC to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _request_id() -> str:
    return f"{uuid.uuid4().hex[:4]}#{uuid.uuid4().hex[:11]}"
