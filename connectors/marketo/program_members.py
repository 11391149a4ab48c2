"""Program members: of every program at first, then of those where a status changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from connectors.load_folder import Page
from connectors.marketo import activity_log as log
from connectors.marketo.client import Record
from connectors.marketo.extraction import Extraction
from connectors.zone import Kind

PROGRAMS = "/rest/asset/v1/programs.json"
PROGRAMS_PER_JOB = 10
FIELDS = {
    "statusName": "progressionStatus",
    "membershipDate": "membershipDate",
    "reachedSuccess": "reachedSuccess",
    "acquiredBy": "acquiredBy",
    "isExhausted": "isExhausted",
}
"""By name in a bulk file: the name in the ``membership`` of a listed lead."""


def program_members(asked: Extraction) -> str | None:
    """Members of every program, then of the programs that the log says changed; the cursor.

    A listing costs a call or more per program, a bulk job some five per ten programs and minutes:
    so the whole is read in bulk where there are ten programs or more. Members whose status changed
    and whom their program doesn't list any more are gone.
    """
    programs = [int(each["id"]) for page in asked.client.assets(PROGRAMS) for each in page]
    if asked.cursor is None:
        if len(programs) >= PROGRAMS_PER_JOB:
            _in_bulk(asked, programs)
        else:
            for program in programs:
                _list(asked, program, [])
        return asked.horizon.isoformat()
    touched = _touched(asked)
    gone = []
    for program in programs:
        leads = touched["leads"].get(str(program))
        if leads:
            missing = _list(asked, program, leads)
            gone += [{"programId": program, "leadId": lead} for lead in missing]
    asked.folder.write_pages("gone", lambda _: [(gone, True)], Kind.TOMBSTONES)
    newest: str | None = touched["newest"]
    return newest


def _touched(asked: Extraction) -> dict[str, Any]:
    """By program the leads whose status in it changed, and how far the log goes."""
    touched: dict[str, Any] | None = asked.folder.token("touched")
    if asked.folder.is_done("touched") and touched is not None:
        return touched
    if touched is None:
        start = log.start(asked.client, asked.since)
        touched = {"newest": asked.cursor, "leads": {}, "page": start}
    newest: str | None = touched["newest"]
    leads = {program: dict.fromkeys(members) for program, members in touched["leads"].items()}
    params = {"activityTypeIds": str(log.CHANGE_STATUS)}
    for found, page in log.walk(asked.client, log.ACTIVITIES, params, touched["page"]):
        newest = log.newest(found, newest, asked.horizon)
        for each in found:
            program, lead = each.get("primaryAttributeValueId"), each.get("leadId")
            if str(program).isdecimal() and str(lead).isdecimal():
                leads.setdefault(str(program), {})[int(str(lead))] = None
        named = {program: list(members) for program, members in leads.items()}
        touched = {"newest": newest, "leads": named, "page": page}
        asked.folder.checkpoint("touched", touched)
    asked.folder.finish("touched", touched)
    return touched


def _list(asked: Extraction, program: int, leads: list[int]) -> list[int]:
    """Read the members of a program; returns those of ``leads`` that aren't among them."""
    path = f"/rest/v1/leads/programs/{program}.json"

    def pages(token: Any) -> Iterator[Page]:
        state = token or {"page": None, "missing": leads}
        if token and token["page"] is None:
            return
        for found, following in asked.client.listing(path, {"fields": "id"}, state["page"]):
            present = {lead.get("id") for lead in found}
            missing = [lead for lead in state["missing"] if lead not in present]
            state = {"page": following, "missing": missing}
            yield [_member(program, lead) for lead in found], state

    last: dict[str, Any] = asked.folder.write_pages(f"program {program}", pages)
    missing: list[int] = last["missing"]
    return missing


def _member(program: int, lead: Record) -> Record:
    """A listed lead in the shape of a bulk file."""
    membership = lead.get("membership") or {}
    known = {name: membership.get(listed) for name, listed in FIELDS.items()}
    rest = {name: value for name, value in membership.items() if name not in FIELDS.values()}
    return {"programId": program, "leadId": lead.get("id"), **known, **rest}


def _in_bulk(asked: Extraction, programs: list[int]) -> None:
    bulk = asked.bulk("program/members")
    for first in range(0, len(programs), PROGRAMS_PER_JOB):
        group = programs[first : first + PROGRAMS_PER_JOB]
        body = {"fields": ["leadId", *FIELDS], "filter": {"programIds": group}}
        bulk.run(f"programs {group[0]} to {group[-1]}", body)
