"""``/api/app/data-deletions/v3.0``: tasks that delete people by their distinct ids, in a while.

A task is PENDING, STAGING, STARTED and SUCCESS as days of the sandbox's clock go by. What is due is
deleted when somebody looks at the task. It can be cancelled until it is STARTED.
"""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta
from typing import Any

from starlette.responses import JSONResponse, Response

from sandbox.clock import VirtualClock
from sandbox.vendors.endpoint import Call, Refusal
from sandbox.vendors.mixpanel.access import Access
from sandbox.vendors.mixpanel.store import Store

MAX_IDS = 1999
LAWS = ("GDPR", "CCPA")
STAGING, STARTED, SUCCESS = timedelta(days=1), timedelta(days=2), timedelta(days=10)
"""After how long a task is so far; Mixpanel says that it may take up to 30 days."""


class Deletions:
    """The deletion tasks of one store."""

    def __init__(self, store: Store, clock: VirtualClock, access: Access) -> None:
        self._store = store
        self._clock = clock
        self._access = access

    def create(self, call: Call) -> Response:
        """Make a task."""
        project_id = self._project(call)
        try:
            body = call.json()
        except ValueError:
            raise _refused(400, "Request body is not valid JSON") from None
        ids = body.get("distinct_ids") if isinstance(body, dict) else None
        if not isinstance(ids, list) or not ids or not all(isinstance(i, str) and i for i in ids):
            raise _refused(400, "distinct_ids must be a list of strings")
        if len(ids) > MAX_IDS:
            raise _refused(400, f"distinct_ids may have {MAX_IDS} ids")
        law = str(body.get("compliance_type", "GDPR")).upper()
        if law not in LAWS:
            raise _refused(400, "compliance_type must be GDPR or CCPA")
        now = self._clock.now()
        key = f"{int(now.timestamp())}{self._store.deletions.count():09}"
        task = {
            "tracking_id": key,
            "project_id": project_id,
            "compliance_type": law.lower(),
            "date_requested": now.isoformat(),
            "distinct_ids": ids,
            "status": "PENDING",
        }
        self._store.deletions.put(key, task)
        shown = {name: value for name, value in task.items() if name != "distinct_ids"}
        more = {"disclosure_type": "DATA", "destination_url": None, "distinct_id_count": len(ids)}
        return JSONResponse({"status": "ok", "results": [shown | more]})

    def status(self, call: Call) -> Response:
        """How far a task is."""
        task = self._task(call)
        if task is None:
            return JSONResponse({"status": "ok", "results": {"status": "NOT_FOUND"}})
        shown = {"status": task["status"], "result": "", "distinct_ids": task["distinct_ids"]}
        return JSONResponse({"status": "ok", "results": shown})

    def cancel(self, call: Call) -> Response:
        """Cancel a task that has not started."""
        task = self._task(call)
        if task is None or task["status"] not in ("PENDING", "STAGING"):
            return Response(status_code=405)
        self._store.deletions.put(task["tracking_id"], {**task, "status": "REVOKED"})
        return Response(status_code=204)

    def _task(self, call: Call) -> dict[str, Any] | None:
        """The task in the path as it is by now, its work done where that is due."""
        project_id = self._project(call)
        task = self._store.deletions.get(call.params["tracking_id"])
        if task is None or task["project_id"] != project_id:
            return None
        age = self._clock.now() - datetime.fromisoformat(task["date_requested"])
        if task["status"] in ("SUCCESS", "REVOKED", "FAILURE") or age < STAGING:
            return task
        if age >= SUCCESS:
            self._store.forget(project_id, frozenset(task["distinct_ids"]))
        by_now = "SUCCESS" if age >= SUCCESS else "STARTED" if age >= STARTED else "STAGING"
        task = {**task, "status": by_now}
        self._store.deletions.put(task["tracking_id"], task)
        return task

    def _project(self, call: Call) -> int:
        """The project whose token is in the query, asked for with the GDPR API's own token."""
        scheme, _, given = call.headers.get("authorization", "").partition(" ")
        right = hmac.compare_digest(given, str(self._access.credentials["gdpr_token"]))
        project_id = self._access.project_by_token(call.query.get("token"))
        if scheme != "Bearer" or not right or project_id is None:
            raise _refused(401, "Invalid OAuth token or project token")
        if not self._store.deletions_per_second.take(str(project_id)).allowed:
            raise _refused(429, "Rate limit exceeded")
        return project_id


def _refused(status: int, error: str) -> Refusal:
    return Refusal(JSONResponse({"error": error, "status": "error"}, status))
