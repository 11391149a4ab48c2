"""The shapes in which Zendesk refuses."""

from __future__ import annotations

from starlette.responses import JSONResponse

from sandbox.vendors.endpoint import Refusal


def refused(status: int, error: str, description: str, **headers: str) -> Refusal:
    """A refusal as the exports word it."""
    body = {"error": error, "description": description}
    return Refusal(JSONResponse(body, status, headers=headers))


def unauthenticated() -> Refusal:
    """A credential that is not known."""
    return Refusal(JSONResponse({"error": "Couldn't authenticate you"}, 401))


def forbidden() -> Refusal:
    """A user without the right."""
    message = (
        "You do not have access to this page. "
        "Please contact the account owner of this help desk for further help."
    )
    return Refusal(JSONResponse({"error": {"title": "Forbidden", "message": message}}, 403))
