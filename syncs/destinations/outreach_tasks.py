"""Outreach tasks: created exactly once, although the vendor offers no idempotency key.

The note ends with a token that is the same whenever the task is sent. Before anything is created,
and after every lost answer, the tasks of the prospects concerned are read back and searched for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from headwater.errors import VendorRejectedError
from syncs.definition import Definition, Mode, Removal
from syncs.destination import (
    ALREADY_THERE,
    Batch,
    Capabilities,
    Change,
    Counts,
    Outcome,
    RowResult,
    one_by_one,
)
from syncs.destinations.outreach_api import LOOKUP_KEYS, OutreachApi

MARK = "[headwater:"
"""What stands before the token in a note."""
SETTLE_SECONDS = 30.0
"""How long Outreach may still be working at a task that was sent. It names no limit; half a
minute is what gateways before such an API commonly allow."""


class OutreachTasks:
    """Tasks with a prospect as subject. Field ``subject`` is the prospect's external id."""

    name = "outreach"
    capabilities = Capabilities(
        frozenset({Mode.CREATE}), frozenset({Removal.IGNORE}), settle_seconds=SETTLE_SECONDS
    )

    def __init__(self, definition: Definition, api: OutreachApi) -> None:
        self._api = api
        self._action = str(definition.options.get("action", "action_item"))
        self._default_owner: int | None = None

    @property
    def calls(self) -> int:
        """API calls made so far."""
        return self._api.calls

    def check(self) -> None:
        """Find the default owner: token and scope ``users.read``."""
        self._owner({})

    def batch_rows(self, rows: int) -> int:
        """As many as one look-up can ask for."""
        return LOOKUP_KEYS

    def least_calls(self, counts: Counts) -> int:
        """One call a task, and per hundred one look-up of prospects and one of their tasks."""
        return counts.created + 2 * -(-counts.created // LOOKUP_KEYS)

    def deliver(self, batch: Batch, remember: Callable[[str], None]) -> Sequence[RowResult]:
        """Create the tasks whose token is not there yet."""
        prospects = self._prospects(batch)
        there = self._tasks_by_token(prospects)

        def send(change: Change) -> RowResult:
            if change.token in there:
                return RowResult(
                    change.key, Outcome.DELIVERED, there[change.token], code=ALREADY_THERE
                )
            prospect = prospects.get(str(change.fields["subject"]))
            if prospect is None:
                return RowResult(
                    change.key,
                    Outcome.REJECTED,
                    code="NO_PROSPECT",
                    message=f"No prospect has the external id {change.fields['subject']}; "
                    "outreach__prospects delivers it first.",
                )
            record = self._api.write("POST", "tasks", self._task(change, prospect))
            return RowResult(change.key, Outcome.DELIVERED, str(record["id"]))

        return one_by_one(batch, send)

    def resolve(self, batch: Batch) -> Sequence[RowResult]:
        """Read back; creates nothing."""
        there = self._tasks_by_token(self._prospects(batch))
        return [
            RowResult(change.key, Outcome.DELIVERED, there[change.token])
            if change.token in there
            else RowResult(change.key, Outcome.UNSENT)
            for change in batch.changes
        ]

    def _prospects(self, batch: Batch) -> dict[str, dict[str, Any]]:
        keys = [str(change.fields["subject"]) for change in batch.changes]
        records = self._api.find("prospects", "[externalId]", keys)
        return {str(record["attributes"]["externalId"]): record for record in records}

    def _tasks_by_token(self, prospects: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
        if not prospects:
            return {}
        ids = [str(record["id"]) for record in prospects.values()]
        by_subject = _subject_filter(next(iter(prospects.values())))
        tokens: dict[str, str] = {}
        for task in self._api.find("tasks", by_subject, ids):
            note = str(task["attributes"].get("note") or "")
            if MARK in note:
                tokens[note.rsplit(MARK, 1)[1].split("]", 1)[0]] = str(task["id"])
        return tokens

    def _task(self, change: Change, prospect: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "type": "task",
            "attributes": {
                "action": self._action,
                "dueAt": change.fields.get("dueAt"),
                "note": f"{change.fields.get('note') or ''}\n\n{MARK}{change.token}]",
            },
            "relationships": {
                "subject": {"data": {"type": "prospect", "id": prospect["id"]}},
                "owner": {"data": {"type": "user", "id": self._owner(prospect)}},
            },
        }

    def _owner(self, prospect: Mapping[str, Any]) -> int:
        """The prospect's owner; without one, the user with the smallest id."""
        owner = prospect.get("relationships", {}).get("owner", {}).get("data")
        if owner:
            return int(owner["id"])
        if self._default_owner is None:
            users = self._api.read("users", {"sort": "id", "page[size]": "1"})[:1]
            if not users:
                raise VendorRejectedError(
                    "Outreach shows no user who could own a task.",
                    next_step="Give the token the scope users.read.",
                )
            self._default_owner = int(users[0]["id"])
        return self._default_owner


def _subject_filter(prospect: Mapping[str, Any]) -> str:
    """How tasks are filtered by prospect, as the prospect's own link to its tasks says it."""
    link = prospect.get("relationships", {}).get("tasks", {}).get("links", {}).get("related", "")
    names = [name for name, _ in parse_qsl(urlsplit(link).query) if name.startswith("filter[")]
    return names[0].removeprefix("filter") if names else "[prospect][id]"
