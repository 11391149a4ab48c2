"""Who may call: the service account of a project, or the project's token."""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass
from typing import Any

from starlette.responses import JSONResponse, Response

from sandbox.faults import FaultPlan
from sandbox.vendors.endpoint import Call, Refusal
from sandbox.vendors.mixpanel.store import project_token
from sandbox.vendors.rate_window import RateWindow


def ingestion_error(status: int, error: str, reason: str, **more: Any) -> Response:
    """An error of ``/import`` in its shape."""
    return JSONResponse({"code": status, "error": error, "status": reason, **more}, status)


def query_error(call: Call, status: int, error: str) -> Response:
    """An error of the export and query APIs in their shape."""
    asked = f"{call.path}?{call.query}" if call.query else call.path
    return JSONResponse({"error": error, "request": asked}, status)


@dataclass(frozen=True)
class Access:
    """The credentials that are known, and the planned faults."""

    credentials: dict[str, Any]
    faults: FaultPlan

    def project(self, call: Call) -> int | None:
        """The project that the call's Basic credentials open, or None."""
        user, password = _basic(call)
        project_id = call.query.get("project_id", call.form_or_empty().get("project_id", ""))
        right = hmac.compare_digest(user, str(self.credentials["username"])) and (
            hmac.compare_digest(password, str(self.credentials["secret"]))
        )
        known = {str(known): int(known) for known in self.credentials["project_ids"]}
        return known.get(project_id) if right else None

    def project_by_token(self, token: object) -> int | None:
        """The project that a token names, or None."""
        for project_id in self.credentials["project_ids"]:
            if token == project_token(project_id):
                return int(project_id)
        return None

    def import_project(self, call: Call) -> int:
        """The project of an ``/import``: by service account, or by token as Basic user name."""
        project_id = self.project(call)
        if project_id is None:
            user, password = _basic(call)
            project_id = None if password else self.project_by_token(user)
        if project_id is None:
            raise Refusal(ingestion_error(401, "Invalid credentials", "Unauthorized"))
        if self.faults.take("mixpanel", call.path, "rate_limit"):
            raise Refusal(
                ingestion_error(
                    429,
                    "Project exceeded rate limits. Please retry the request with exponential "
                    "backoff.",
                    "Too Many Requests",
                )
            )
        return project_id

    def query_project(self, call: Call, *windows: RateWindow) -> int:
        """The project of an export or query, counted against the given limits."""
        project_id = self.project(call)
        if project_id is None:
            raise Refusal(query_error(call, 401, "Invalid service account credentials"))
        if self.faults.take("mixpanel", call.path, "plan_without_api"):
            raise Refusal(query_error(call, 402, "Your plan does not allow API calls."))
        limited = self.faults.take("mixpanel", call.path, "rate_limit") is not None
        if limited or not all(window.take(str(project_id)).allowed for window in windows):
            raise Refusal(query_error(call, 429, "Query rate limit exceeded"))
        return project_id


def _basic(call: Call) -> tuple[str, str]:
    scheme, _, encoded = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        user, _, password = base64.b64decode(encoded).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return user, password
