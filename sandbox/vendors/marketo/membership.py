"""Writing members: of static lists, and of programs with their status."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.responses import Response

from sandbox.faults import FaultPlan
from sandbox.vendors.endpoint import Call
from sandbox.vendors.marketo.answers import envelope, refused, stamp
from sandbox.vendors.marketo.store import Record, Store

MAX_ROWS = 300
ADD_TO_LIST, REMOVE_FROM_LIST, CHANGE_STATUS = 24, 25, 104
PROGRESSION = ("Invited", "Registered", "Attended")
"""The statuses of every program here, in their order; a member moves forward only."""


class Membership:
    """Members of the lists and programs of a store."""

    def __init__(self, store: Store, faults: FaultPlan) -> None:
        self._store = store
        self._faults = faults

    def list_by_id(self, call: Call) -> Response:
        """One static list; an unknown id has no result."""
        found = self._store.lists.get(int(call.params["id"]))
        return envelope([found] if found else [])

    def program_by_id(self, call: Call) -> Response:
        """One program; the assets' API warns instead of refusing."""
        found = self._store.programs.get(int(call.params["id"]))
        if found is None:
            return envelope(warnings=["No assets found for the given search criteria."])
        return envelope([found])

    def add(self, call: Call) -> Response:
        """Add leads to a list."""
        return self._listed(call, self._add)

    def remove(self, call: Call) -> Response:
        """Remove leads from a list."""
        return self._listed(call, self._remove)

    def set_status(self, call: Call) -> Response:
        """Make leads members with a status, or move them to it."""
        program, body = self._program(call), _body(call)
        status = body.get("statusName")
        if status not in PROGRESSION:
            raise refused(1003, f"Invalid status name '{status}'")
        return self._each(call, body, "leadId", lambda lead: self._set(program, lead, str(status)))

    def delete(self, call: Call) -> Response:
        """Take leads out of a program."""
        program = self._program(call)
        return self._each(call, _body(call), "leadId", lambda lead: self._delete(program, lead))

    def query(self, call: Call) -> Response:
        """Members of a program by lead id."""
        program = self._program(call)
        if call.query.get("filterType") != "leadId":
            raise refused(1003, f"Invalid filterType '{call.query.get('filterType')}'")
        values = [each for each in call.query.get("filterValues", "").split(",") if each]
        if not values or len(values) > MAX_ROWS or not all(each.isdigit() for each in values):
            raise refused(1003, f"filterValues must be from 1 to {MAX_ROWS} ids")
        found = [
            self._store.members.get(_key(program, int(each))) for each in dict.fromkeys(values)
        ]
        names = call.query.get("fields", "leadId,statusName").split(",")
        return envelope(
            [
                {"seq": seq, **{name: row[name] for name in names if row.get(name) is not None}}
                for seq, row in enumerate(row for row in found if row)
            ]
        )

    def _listed(self, call: Call, act: Callable[[int, int], Record]) -> Response:
        list_id = int(call.params["id"])
        if self._store.lists.get(list_id) is None:
            raise refused(1013, f"Static list '{list_id}' not found")
        return self._each(call, _body(call), "id", lambda lead: act(list_id, lead))

    def _each(self, call: Call, body: Record, name: str, act: Callable[[int], Record]) -> Response:
        rows = body.get("input")
        if not isinstance(rows, list) or not rows:
            raise refused(1002, "Missing value for required parameter 'input'")
        if len(rows) > MAX_ROWS:
            raise refused(1003, f"At most {MAX_ROWS} records are allowed, got {len(rows)}")
        if not all(isinstance(row.get(name), int) for row in rows):
            raise refused(1001, f"Invalid value for '{name}'. Required of type 'Integer'")
        fault = self._faults.take("marketo", call.path, "partial_failure")
        refuse = {int(key) for key in fault.params.get("keys", ())} if fault else set()
        result = []
        with self._store.db.transaction():
            for seq, row in enumerate(rows):
                lead = row[name]
                if lead in refuse:
                    done = _skipped(713, "Transient Error")
                elif self._store.leads.get(lead) is None:
                    done = _skipped(1004, "Lead not found")
                else:
                    done = act(lead)
                result.append({**({"seq": seq} if name == "leadId" else {}), name: lead, **done})
        return envelope(result)

    def _add(self, list_id: int, lead: int) -> Record:
        key = _key(list_id, lead)
        if self._store.list_members.get(key) is None:
            self._store.list_members.put(key, {"listId": list_id, "leadId": lead})
            self._store.log(lead, ADD_TO_LIST, primaryAttributeValueId=list_id)
        return {"status": "added"}

    def _remove(self, list_id: int, lead: int) -> Record:
        key = _key(list_id, lead)
        if self._store.list_members.get(key) is None:
            return _skipped(1015, "Lead not in list")
        self._store.list_members.delete(key)
        self._store.log(lead, REMOVE_FROM_LIST, primaryAttributeValueId=list_id)
        return {"status": "removed"}

    def _set(self, program: int, lead: int, status: str) -> Record:
        key, now = _key(program, lead), stamp(self._store.clock.now())
        held = self._store.members.get(key)
        if held and PROGRESSION.index(status) <= PROGRESSION.index(held["statusName"]):
            return _skipped(1037, "Lead skipped. Lead is already in or past the status")
        fresh: Record = {"programId": program, "leadId": lead, "membershipDate": now}
        member = {**(held or fresh), "statusName": status, "updatedAt": now}
        self._store.members.put(key, {**member, "reachedSuccess": status == PROGRESSION[-1]})
        self._store.log(lead, CHANGE_STATUS, primaryAttributeValueId=program)
        return {"status": "updated" if held else "created"}

    def _delete(self, program: int, lead: int) -> Record:
        key = _key(program, lead)
        if self._store.members.get(key) is None:
            return _skipped(1013, "Membership not found")
        self._store.members.delete(key)
        return {"status": "deleted"}

    def _program(self, call: Call) -> int:
        program = int(call.params["id"])
        if self._store.programs.get(program) is None:
            raise refused(1013, f"Program '{program}' not found")
        return program


def _key(group: int, lead: int) -> str:
    return f"{group:010d}/{lead:010d}"


def _skipped(code: int, message: str) -> Record:
    return {"status": "skipped", "reasons": [{"code": str(code), "message": message}]}


def _body(call: Call) -> dict[str, Any]:
    try:
        body = call.json()
    except ValueError:
        raise refused(609, "Invalid JSON") from None
    if not isinstance(body, dict):
        raise refused(609, "Invalid JSON")
    return body
