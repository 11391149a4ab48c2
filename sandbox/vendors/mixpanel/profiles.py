"""``/engage`` and ``/groups``: profiles are written by token and read by the service account."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from starlette.responses import JSONResponse, Response

from sandbox.clock import VirtualClock
from sandbox.vendors.documents import Documents
from sandbox.vendors.endpoint import Call, Refusal
from sandbox.vendors.mixpanel.access import Access, query_error
from sandbox.vendors.mixpanel.ingestion import form_data, verdict
from sandbox.vendors.mixpanel.store import Store

PAGE_SIZE = 1000
MAX_UPDATES = 2000
OPERATIONS = ("$set", "$set_once", "$add", "$append", "$union", "$remove", "$unset", "$delete")


class Profiles:
    """User and group profiles of one store."""

    def __init__(self, store: Store, clock: VirtualClock, access: Access) -> None:
        self._store = store
        self._clock = clock
        self._access = access

    def engage(self, call: Call) -> Response:
        """Write user profiles."""
        return self._write(call, self._store.profiles, ("$distinct_id",))

    def groups(self, call: Call) -> Response:
        """Write group profiles."""
        return self._write(call, self._store.groups, ("$group_key", "$group_id"))

    def _write(self, call: Call, profiles: Documents, identity: tuple[str, ...]) -> Response:
        data = form_data(call)
        updates = data if isinstance(data, list) else [data]
        if len(updates) > MAX_UPDATES:
            return verdict(call, f"data, more than {MAX_UPDATES} updates")
        planned = []
        for update in updates:
            if not isinstance(update, dict):
                return verdict(call, "data, missing or empty")
            project_id = self._access.project_by_token(update.get("$token"))
            if project_id is None:
                return verdict(call, "$token, missing or empty")
            for name in identity:
                if update.get(name) in (None, ""):
                    return verdict(call, f"{name}, missing or empty")
            if not any(operation in update for operation in OPERATIONS):
                return verdict(call, "no operation, expected one of " + ", ".join(OPERATIONS))
            planned.append((project_id, update))
        for project_id, update in planned:
            self._apply(profiles, project_id, identity, update)
        return verdict(call, None)

    def _apply(
        self,
        profiles: Documents,
        project_id: int,
        identity: tuple[str, ...],
        update: dict[str, Any],
    ) -> None:
        key = "/".join([str(project_id), *(str(update[name]) for name in identity)])
        if "$delete" in update:
            profiles.delete(key)
            return
        profile = profiles.get(key) or {
            "project_id": project_id,
            **{name: update[name] for name in identity},
            "$properties": {},
        }
        properties = profile["$properties"]
        _change(properties, update)
        if not update.get("$ignore_time"):
            properties["$last_seen"] = self._clock.now().strftime("%Y-%m-%dT%H:%M:%S")
        profiles.put(key, profile)

    def query(self, call: Call) -> Response:
        """Read user profiles, 1,000 a page; later pages need ``session_id`` and ``page``."""
        project_id = self._access.query_project(call, self._store.queries_per_hour)
        asked = {**call.query, **call.form_or_empty()}
        if asked.get("where"):
            raise Refusal(query_error(call, 400, "where: expression cannot be evaluated"))
        page = int(asked["page"]) if asked.get("page", "0").isdigit() and "page" in asked else 0
        session_id = hashlib.md5(f"{project_id} {self._clock.now()}".encode()).hexdigest()
        if page and asked.get("session_id") != session_id:
            raise Refusal(query_error(call, 400, "session_id is required with page"))
        where, parameters = "document ->> '$.project_id' = ?", [project_id]
        found = self._store.profiles.select(
            where, parameters, limit=PAGE_SIZE, offset=page * PAGE_SIZE
        )
        wanted = asked.get("output_properties")
        names = set(json.loads(wanted)) if wanted else None
        return JSONResponse(
            {
                "page": page,
                "page_size": PAGE_SIZE,
                "session_id": session_id,
                "status": "ok",
                "total": self._store.profiles.count(where, parameters),
                "results": [_shown(profile, names) for profile in found],
            }
        )


def _shown(profile: dict[str, Any], names: set[str] | None) -> dict[str, Any]:
    properties = {
        name: value
        for name, value in profile["$properties"].items()
        if names is None or name in names
    }
    return {"$distinct_id": profile["$distinct_id"], "$properties": properties}


def _change(properties: dict[str, Any], update: dict[str, Any]) -> None:
    """Apply one update's operations to a profile's properties."""
    properties.update(update.get("$set", {}))
    for name, value in update.get("$set_once", {}).items():
        properties.setdefault(name, value)
    for name, value in update.get("$add", {}).items():
        properties[name] = properties.get(name, 0) + value
    for name, value in update.get("$append", {}).items():
        properties.setdefault(name, []).append(value)
    for name, values in update.get("$union", {}).items():
        held = properties.setdefault(name, [])
        held.extend(value for value in values if value not in held)
    for name, value in update.get("$remove", {}).items():
        properties[name] = [held for held in properties.get(name, []) if held != value]
    for name in update.get("$unset", []):
        properties.pop(name, None)
