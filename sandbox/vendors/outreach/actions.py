"""Actions on tasks and sequence states, and batches over many prospects."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from sandbox.vendors.endpoint import Call, Refusal
from sandbox.vendors.outreach.answers import Document, invalid, refused, stamp
from sandbox.vendors.outreach.records import Records, time_text
from sandbox.vendors.outreach.resources import (
    BATCH,
    BATCH_ITEM,
    PROSPECT,
    SEQUENCE_STATE,
    TASK,
)
from sandbox.vendors.outreach.store import Record, Store

LIVE_STATES = ("active", "pending", "paused")
SEQUENCE_ACTIONS = {"finish": "finished", "pause": "paused", "resume": "active"}


class Actions:
    """What can be done to the records of a store beyond changing them."""

    def __init__(self, store: Store, records: Records) -> None:
        self._store = store
        self._records = records

    def task(self, call: Call) -> Response:
        """``markComplete, reschedule, snooze, reassignOwner, updateNote, advance``."""
        name, now = call.params["action"], stamp(self._store.clock.now())
        with self._store.db.transaction():
            record = self._records.found(call, TASK)
            attributes = record["attributes"]
            if name in {"markComplete", "advance"}:
                if attributes.get("completed"):
                    raise invalid("Task is already complete.", "/data")
                attributes |= {"state": "complete", "completed": True, "completedAt": now}
                attributes["stateChangedAt"] = now
                note = _parameter(call, "completionNote", required=False)
                if note:
                    attributes["note"] = note
            elif name == "reschedule":
                attributes["dueAt"] = time_text(_parameter(call, "dueAt"))
            elif name == "snooze":
                attributes["dueAt"] = time_text(_parameter(call, "dueAt", required=False) or now)
                attributes["state"] = "pending"
            elif name == "updateNote":
                attributes["note"] = _parameter(call, "note")
            elif name == "reassignOwner":
                owner = self._store.get("user", _parameter(call, "ownerId"))
                if owner is None:
                    raise invalid("ownerId is not a user.", "/actionParams/ownerId")
                record["relationships"]["owner"] = {"type": "user", "id": owner["id"]}
            else:
                raise _no_action(call)
            attributes["updatedAt"] = now
            self._store.put(TASK, record)
        return Document({"data": self._records.shown(call, TASK, record)})

    def sequence_state(self, call: Call) -> Response:
        """``finish, pause, resume``."""
        name, now = call.params["action"], stamp(self._store.clock.now())
        if name not in SEQUENCE_ACTIONS:
            raise _no_action(call)
        with self._store.db.transaction():
            record = self._records.found(call, SEQUENCE_STATE)
            record["attributes"] |= {
                "state": SEQUENCE_ACTIONS[name],
                "stateChangedAt": now,
                "updatedAt": now,
            }
            self._store.put(SEQUENCE_STATE, record)
        return Document({"data": self._records.shown(call, SEQUENCE_STATE, record)})

    def create_sequence_state(self, call: Call) -> Response:
        """Put a prospect into a sequence, once."""
        try:
            given = call.json()["data"]["relationships"]
            ids = {
                name: int(given[name]["data"]["id"]) for name in ("prospect", "sequence", "mailbox")
            }
        except (ValueError, KeyError, TypeError):
            raise invalid(
                "prospect, sequence and mailbox are required.", "/data/relationships"
            ) from None
        with self._store.db.transaction():
            record = self._add(ids["prospect"], ids["sequence"], ids["mailbox"])
        return Document({"data": self._records.shown(call, SEQUENCE_STATE, record)}, 201)

    def batch(self, call: Call) -> Response:
        """Submit a batch over ``ids``; with ``skipConfirmation`` it runs at once."""
        name = call.params["action"]
        if name != "prospectsAddToSequence":
            raise _no_action(call)
        sequence, mailbox = _parameter(call, "sequenceId"), _parameter(call, "mailboxId")
        given = _parameter(call, "ids", required=False)
        ids = (
            [int(each) for each in given.split(",") if each.strip().isdigit()]
            if given
            else [row["id"] for row in self._store.rows(PROSPECT.plural)]
        )
        with self._store.db.transaction():
            batch = self._store.new(
                BATCH,
                {
                    "attributes": {
                        "action": name,
                        "state": "unconfirmed",
                        "total": len(ids),
                        "pending": len(ids),
                        "failures": 0,
                        "summary": None,
                        "finishedAt": None,
                    },
                    "task": {"ids": ids, "sequence": int(sequence), "mailbox": int(mailbox)},
                },
            )
            if _parameter(call, "skipConfirmation", required=False) == "true":
                self._run(batch)
        return Document({"data": self._records.shown(call, BATCH, batch)})

    def confirm(self, call: Call) -> Response:
        """Run a batch that waits for it."""
        with self._store.db.transaction():
            batch = self._records.found(call, BATCH)
            if batch["attributes"]["state"] != "unconfirmed":
                raise invalid("The batch was confirmed already.", "/data")
            self._run(batch)
        return Document({"data": self._records.shown(call, BATCH, batch)})

    def _run(self, batch: Record) -> None:
        task, failures = batch["task"], 0
        for prospect in task["ids"]:
            info = ""
            try:
                self._add(prospect, task["sequence"], task["mailbox"])
            except Refusal as refusal:
                failures += 1
                info = bytes(refusal.response.body).decode()
            self._store.new(
                BATCH_ITEM,
                {
                    "attributes": {
                        "batchId": batch["id"],
                        "failed": bool(info),
                        "info": info or None,
                        "state": "finished",
                    },
                    "relationships": {"batch": {"type": "batch", "id": batch["id"]}},
                },
            )
        now = stamp(self._store.clock.now())
        batch["attributes"] |= {
            "state": "finished",
            "pending": 0,
            "failures": failures,
            "summary": f"{len(task['ids']) - failures} added, {failures} failed",
            "finishedAt": now,
            "updatedAt": now,
        }
        self._store.put(BATCH, batch)

    def _add(self, prospect: int, sequence: int, mailbox: int) -> Record:
        related: dict[str, Any] = {}
        wanted = (("prospect", prospect), ("sequence", sequence), ("mailbox", mailbox))
        for type_name, key in wanted:
            if self._store.get(type_name, key) is None:
                raise invalid(
                    f"{type_name} {key} does not exist.", f"/data/relationships/{type_name}"
                )
            related[type_name] = {"type": type_name, "id": key}
        held = self._store.resources[SEQUENCE_STATE.plural].select(
            "document ->> '$.relationships.prospect.id' = ? "
            "and document ->> '$.relationships.sequence.id' = ?",
            (prospect, sequence),
        )
        if any(each["attributes"]["state"] in LIVE_STATES for each in held):
            raise invalid("Prospect is already active in this sequence.", "/data")
        now = stamp(self._store.clock.now())
        return self._store.new(
            SEQUENCE_STATE,
            {
                "attributes": {"state": "active", "activeAt": now, "stateChangedAt": now},
                "relationships": related,
            },
        )


def _parameter(call: Call, name: str, *, required: bool = True) -> str:
    value = call.query.get(f"actionParams[{name}]", "")
    if required and not value:
        raise invalid(f"actionParams[{name}] is required.", f"/actionParams/{name}")
    return value


def _no_action(call: Call) -> Exception:
    return refused(
        404, "routeNotFound", "Route Not Found", f"No route matches {call.method} {call.path}."
    )
