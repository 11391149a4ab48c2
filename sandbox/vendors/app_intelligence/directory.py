"""The directory by partitions and page tokens, and look-ups by id."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from starlette.responses import JSONResponse, Response

from sandbox.vendors.app_intelligence.answers import ids_of, refused, store_of
from sandbox.vendors.app_intelligence.store import Store
from sandbox.vendors.documents import Documents
from sandbox.vendors.endpoint import Call, Handler

LEAST_PARTITIONS, MOST_PARTITIONS = 100, 10_000


class Directory:
    """Publishers and apps of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def discovery(self, call: Call) -> Response:
        """A page of one partition of the publishers."""
        name = store_of(call)
        total, partition = (_number(call, each) for each in ("total_partitions", "partition"))
        if not LEAST_PARTITIONS <= total <= MOST_PARTITIONS:
            raise refused(400, f"total_partitions: {LEAST_PARTITIONS} to {MOST_PARTITIONS}")
        if not 1 <= partition <= total:
            raise refused(400, "partition: 1 to total_partitions")
        after = _opened(call.query.get("page_token", ""), f"{name} {partition}/{total}")
        inside = [
            row
            for row in self._store.publishers.select(
                "document ->> '$.store' = ? and key > ?", (name, after)
            )
            if _partition(row["id"], total) == partition
        ]
        page = inside[: self._store.page_size]
        more = len(inside) > len(page)
        token = _sealed(f"{name} {partition}/{total}", page[-1]["id"]) if more else None
        return JSONResponse(
            {"result_rows": [row["shown"] for row in page], "next_page_token": token}
        )

    def publishers(self, call: Call) -> Response:
        """Publishers by id."""
        return JSONResponse(self._found(call, self._store.publishers))

    def apps(self, call: Call) -> Response:
        """Apps by id; those that were removed from the store are missing."""
        return JSONResponse(self._found(call, self._store.apps))

    def _found(self, call: Call, table: Documents) -> list[dict[str, Any]]:
        name = store_of(call)
        rows = [table.get(f"{name}/{id_}") for id_ in ids_of(call)]
        return [row["shown"] for row in rows if row is not None and not row.get("removed")]


def handlers(store: Store) -> list[tuple[str, Handler]]:
    """Path and handler of each call."""
    directory = Directory(store)
    return [
        ("/api/{store}/publisher/discovery", directory.discovery),
        ("/api/{store}/publisher", directory.publishers),
        ("/api/{store}/app", directory.apps),
    ]


def _number(call: Call, name: str) -> int:
    given = call.query.get(name, "")
    if not given.isdigit():
        raise refused(400, f"{name} must be a whole number")
    return int(given)


def _partition(key: str, total: int) -> int:
    return int(hashlib.md5(key.encode()).hexdigest(), 16) % total + 1


def _sealed(where: str, last: str) -> str:
    return base64.b64encode(f"{where}|{last}".encode()).decode()


def _opened(token: str, where: str) -> str:
    """The key behind which a token goes on. A token belongs to the partition that gave it."""
    if not token:
        return ""
    try:
        place, _, last = base64.b64decode(token, validate=True).decode().partition("|")
    except ValueError:
        place, last = "", ""
    if place != where:
        raise refused(400, "Invalid page_token")
    return last
