"""The shapes in which Crunchbase refuses."""

from __future__ import annotations

from starlette.responses import JSONResponse

from sandbox.vendors.endpoint import Refusal


def refused(status: int, code: str, message: str) -> Refusal:
    """A refusal as the live API words it: a list with one error."""
    return Refusal(JSONResponse([{"status": status, "code": code, "message": message}], status))


def invalid(message: str) -> Refusal:
    """A 400 about the request."""
    return refused(400, "LA400", message)
