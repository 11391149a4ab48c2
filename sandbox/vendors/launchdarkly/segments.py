"""``/api/v2/segments``: list, create, read, change and delete."""

from __future__ import annotations

import re
from typing import Any

from starlette.responses import JSONResponse, Response

from sandbox.vendors.endpoint import Call
from sandbox.vendors.launchdarkly import segment_patch
from sandbox.vendors.launchdarkly.answers import milliseconds, refused
from sandbox.vendors.launchdarkly.store import Store

KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,255}")
SEMANTIC = "domain-model=launchdarkly.semanticpatch"
DEFAULT_LIMIT = 20
Record = dict[str, Any]


class Segments:
    """The segments of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def listing(self, call: Call) -> Response:
        """One page of segments, without targets."""
        limit = _number(call, "limit", DEFAULT_LIMIT)
        offset = _number(call, "offset", 0)
        found = [each for each in self._store.rows("segments") if _matches(each, call)]
        sort = call.query.get("sort", "name")
        name = sort.lstrip("-")
        if name not in {"name", "key", "creationDate", "lastModifiedDate"}:
            raise refused(400, f"Cannot sort by {name}")
        found.sort(key=lambda each: (each[name], each["key"]), reverse=sort.startswith("-"))
        items = [self._shown(call, each) for each in found[offset : offset + limit]]
        return JSONResponse(
            {"items": items, "totalCount": len(found), "_links": _link("self", call.path)}
        )

    def create(self, call: Call) -> Response:
        """Make an empty segment; 409 when the key is taken."""
        body = body_object(call)
        key, name = body.get("key"), body.get("name")
        if not isinstance(key, str) or not KEY.fullmatch(key) or not name:
            raise refused(400, "A segment needs a name and a key of letters, digits, . _ -")
        with self._store.db.transaction():
            if self._store.segment(key):
                raise refused(409, "A segment with that key already exists")
            segment = {
                **self._store.new_segment(key),
                "name": name,
                "tags": body.get("tags") or [],
                "unbounded": bool(body.get("unbounded")),
            }
            if body.get("description"):
                segment["description"] = body["description"]
            if segment["unbounded"]:
                segment["unboundedContextKind"] = body.get("unboundedContextKind", "user")
            self._store.put_segment(segment)
        return JSONResponse(self._shown(call, segment, whole=True), 201)

    def get(self, call: Call) -> Response:
        """One segment with its targets and the flags that refer to it."""
        return JSONResponse(self._shown(call, self._found(call), whole=True))

    def patch(self, call: Call) -> Response:
        """Change a segment; nothing moves when it already is as asked, or with ``dryRun``."""
        with self._store.db.transaction():
            segment = self._found(call)
            changed = _changed(segment, call)
            if changed != segment:
                changed["version"] = segment["version"] + 1
                changed["lastModifiedDate"] = milliseconds(self._store.clock.now())
                if call.query.get("dryRun", "").lower() != "true":
                    self._store.put_segment(changed)
        return JSONResponse(self._shown(call, changed, whole=True))

    def delete(self, call: Call) -> Response:
        """Delete a segment that no flag refers to."""
        with self._store.db.transaction():
            segment = self._found(call)
            used = self._flags(segment["key"])
            if used:
                raise refused(409, f"The segment is used by flag {used[0]['key']}")
            self._store.put_segment({**segment, "deleted": True, "version": segment["version"] + 1})
            self._store.db.execute(
                "delete from big_segment_members where segment = ?", (segment["key"],)
            )
        return Response(status_code=204)

    def change_contexts(self, call: Call) -> Response:
        """Change the members of a big segment."""
        segment, body = self._found(call), body_object(call)
        if not segment["unbounded"]:
            raise refused(400, "Only big segments can be changed this way")
        with self._store.db.transaction():
            for side in ("included", "excluded"):
                changes = body.get(side) or {}
                self._store.db.executemany(
                    "insert or ignore into big_segment_members values (?, ?, ?)",
                    ((segment["key"], side, key) for key in changes.get("add") or []),
                )
                self._store.db.executemany(
                    "delete from big_segment_members "
                    "where segment = ? and side = ? and context_key = ?",
                    ((segment["key"], side, key) for key in changes.get("remove") or []),
                )
        return Response(status_code=204)

    def get_context(self, call: Call) -> Response:
        """Whether a big segment includes or excludes a context."""
        segment, key = self._found(call), call.params["context_key"]
        found = self._store.db.tuples(
            "select side from big_segment_members where segment = ? and context_key = ?",
            (segment["key"], key),
        )
        if not segment["unbounded"] or not found:
            raise refused(404, f"Unknown context {key}")
        sides = {side for (side,) in found}
        return JSONResponse(
            {"userKey": key, "included": "included" in sides, "excluded": "excluded" in sides}
        )

    def _found(self, call: Call) -> Record:
        segment = self._store.segment(call.params["segment"])
        if segment is None:
            raise refused(404, f"Unknown segment key {call.params['segment']}")
        return segment

    def _flags(self, key: str) -> list[Record]:
        return [
            {
                "key": flag["key"],
                "name": flag["name"],
                "_links": _link("self", f"/api/v2/flags/-/{flag['key']}"),
                "_site": {"href": f"/-/~/features/{flag['key']}", "type": "text/html"},
            }
            for flag in self._store.rows("flags")
            if any(
                clause["op"] == "segmentMatch" and key in clause["values"]
                for environment in flag["environments"].values()
                for rule in environment["rules"]
                for clause in rule["clauses"]
            )
        ]

    def _shown(self, call: Call, segment: Record, *, whole: bool = False) -> Record:
        root = "/api/v2/segments/{project}/{environment}".format(**call.params)
        hidden = {"salt"} if whole else {"salt", "included", "excluded"}
        shown = {name: value for name, value in segment.items() if name not in hidden}
        shown["_links"] = _link("self", f"{root}/{segment['key']}")
        if whole:
            shown["_flags"] = self._flags(segment["key"])
        return shown


def body_object(call: Call) -> Record:
    """The JSON object in the body."""
    try:
        body = call.json()
    except ValueError:
        raise refused(400, "Invalid JSON in the request body") from None
    if not isinstance(body, dict):
        raise refused(400, "Expected a JSON object in the request body")
    return body


def is_semantic(call: Call) -> bool:
    """Whether the content type announces a semantic patch."""
    return SEMANTIC in call.headers.get("content-type", "").replace(" ", "")


def _changed(segment: Record, call: Call) -> Record:
    try:
        body = call.json()
    except ValueError:
        raise refused(400, "Invalid JSON in the request body") from None
    if is_semantic(call):
        if not isinstance(body, dict):
            raise refused(422, "A semantic patch needs an object with instructions")
        if segment["unbounded"]:
            raise refused(400, "Targets of a big segment are changed through its contexts")
        if body.get("environmentKey") not in (None, call.params["environment"]):
            raise refused(400, f"Unknown environmentKey {body['environmentKey']}")
        return segment_patch.semantic(segment, body)
    if isinstance(body, list):
        return segment_patch.json_patch(segment, body)
    if isinstance(body, dict) and isinstance(body.get("patch"), list):
        return segment_patch.json_patch(segment, body["patch"])
    if isinstance(body, dict) and isinstance(body.get("merge"), dict):
        return segment_patch.merge_patch(segment, body["merge"])
    if isinstance(body, dict) and call.media_type() == "application/merge-patch+json":
        return segment_patch.merge_patch(segment, body)
    raise refused(400, f"Not a JSON patch; a semantic patch needs Content-Type with {SEMANTIC}")


def _matches(segment: Record, call: Call) -> bool:
    for part in filter(None, call.query.get("filter", "").split(",")):
        name, _, value = part.partition(":")
        if name == "query":
            wanted = value.lower()
            if wanted not in segment["name"].lower() and wanted not in segment["key"].lower():
                return False
        elif name == "tags":
            if not set(value.split("+")) <= set(segment["tags"]):
                return False
        else:
            raise refused(400, f"Unknown filter {name}")
    return True


def _number(call: Call, name: str, default: int) -> int:
    given = call.query.get(name, str(default))
    if not given.isdigit():
        raise refused(400, f"{name} must be a whole number")
    return int(given)


def _link(name: str, href: str) -> Record:
    return {name: {"href": href, "type": "application/json"}}
