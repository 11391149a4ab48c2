"""Programs, their members, and static lists."""

from __future__ import annotations

from datetime import datetime

from starlette.responses import Response

from sandbox.vendors.endpoint import Call
from sandbox.vendors.marketo.answers import envelope, refused
from sandbox.vendors.marketo.lead_fields import known
from sandbox.vendors.marketo.store import Record, Store

MAX_ASSETS, MAX_ROWS = 200, 300
MEMBER_FIELDS = (
    "programId",
    "leadId",
    "statusName",
    "membershipDate",
    "reachedSuccess",
    "acquiredBy",
    "isExhausted",
)
"""The fields of a member that can be exported, beside those of its lead."""


class Programs:
    """The programs and lists of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def browse(self, call: Call) -> Response:
        """Programs by offset, changed within a range if one is given."""
        size = call.query.get("maxReturn", "20")
        if not size.isdigit() or not 0 < int(size) <= MAX_ASSETS:
            raise refused(701, f"maxReturn must be from 1 to {MAX_ASSETS}")
        offset = call.query.get("offset", "0")
        if not offset.isdigit():
            raise refused(701, "offset must be a whole number")
        low = _moment(call, "earliestUpdatedAt", "0000")
        high = _moment(call, "latestUpdatedAt", "9999")
        found = self._store.programs.select(
            "substr(document ->> '$.updatedAt', 1, 19) between ? and ?",
            (low, high),
            limit=int(size),
            offset=int(offset),
        )
        if not found:
            return envelope(warnings=["No assets found for the given search criteria."])
        return envelope(found)

    def lists(self, call: Call) -> Response:
        """Static lists, 300 a page."""
        size, after = _page(call)
        found = self._store.lists.select("key > ?", (after,), limit=size + 1)
        more = {"nextPageToken": str(found[size - 1]["id"])} if len(found) > size else {}
        return envelope(found[:size], **more)

    def members(self, call: Call) -> Response:
        """The leads of a program, each with its ``membership``; also asked for as a form."""
        program = int(call.params["id"])
        if self._store.programs.get(program) is None:
            raise refused(1013, f"Program '{program}' not found")
        size, after = _page(call)
        names = known([name for name in _given(call, "fields", "id,email").split(",") if name])
        found = self._store.members.select(
            "document ->> '$.programId' = ? and document ->> '$.leadId' > ?",
            (program, after),
            limit=size + 1,
        )
        page = found[:size]
        more = {"nextPageToken": str(page[-1]["leadId"])} if len(found) > size else {}
        return envelope([self._shown(member, names) for member in page], **more)

    def _shown(self, member: Record, names: list[str]) -> Record:
        lead = self._store.leads.get(member["leadId"]) or {}
        fields = {name: lead[name] for name in names if lead.get(name) is not None}
        membership = {
            "progressionStatus": member["statusName"],
            **{name: member[name] for name in MEMBER_FIELDS[3:] if member.get(name) is not None},
        }
        return {**fields, "id": member["leadId"], "membership": membership}


def _moment(call: Call, name: str, default: str) -> str:
    given = call.query.get(name)
    if not given:
        return default
    try:
        return datetime.fromisoformat(given).strftime("%Y-%m-%dT%H:%M:%S")
    except ValueError:
        raise refused(701, f"Invalid value '{given}' for {name}") from None


def _page(call: Call) -> tuple[int, int]:
    size, after = _given(call, "batchSize", str(MAX_ROWS)), _given(call, "nextPageToken", "0")
    if not size.isdigit() or not 0 < int(size) <= MAX_ROWS:
        raise refused(1003, f"batchSize must be from 1 to {MAX_ROWS}")
    if not after.isdigit():
        raise refused(1003, "Invalid nextPageToken")
    return int(size), int(after)


def _given(call: Call, name: str, default: str) -> str:
    return call.query.get(name) or call.form_or_empty().get(name) or default
