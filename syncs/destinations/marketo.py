"""Marketo: leads by a lookup field, 300 a call. Lists and programs are in ``marketo_members``.

Marketo looks a lead up by the field and creates or updates it, so sending a row again changes
nothing. Each row of a call has its own answer; a row that Marketo skips has reasons.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from headwater.errors import DefinitionError, VendorRejectedError
from headwater.settings import Settings, load
from headwater.system_settings import MarketoSettings
from syncs.definition import Definition, Mode, Removal
from syncs.destination import (
    ALREADY_THERE,
    Batch,
    Capabilities,
    Change,
    Counts,
    Destination,
    FieldInfo,
    Held,
    Operation,
    Outcome,
    RowResult,
    Value,
)
from syncs.destinations.marketo_api import BATCH_ROWS, MarketoApi, Record
from syncs.destinations.marketo_members import ListMembers, ProgramMembers

LEADS = "/rest/v1/leads.json"
SETTLE_SECONDS = 90.0
"""How long Marketo lets a call that syncs leads take."""
NOT_FOUND, ALREADY_EXISTS = "1004", "1005"


def connect(definition: Definition, settings: Settings) -> Destination:
    """The destination of a definition: ``leads``, ``list:<id>`` or ``program:<id>``."""
    api = MarketoApi(settings, load(MarketoSettings))
    kind, _, number = definition.object.partition(":")
    if definition.object == "leads":
        return LeadsDestination(definition, api)
    if kind == "list" and number.isdecimal():
        return ListMembers(definition, api, int(number))
    if kind == "program" and number.isdecimal():
        return ProgramMembers(definition, api, int(number))
    raise DefinitionError(
        f"{definition.name}.yml: object: Marketo has no {definition.object!r} to write to.",
        next_step="Write leads, list:ID or program:ID.",
    )


class LeadsDestination:
    """The leads of an instance; ``key.field`` is a field by which leads can be looked up.

    Option ``partition``: the lead partition in which new leads are made.
    """

    name = "marketo"
    capabilities = Capabilities(
        frozenset({Mode.UPSERT, Mode.UPDATE, Mode.CREATE}),
        frozenset({Removal.IGNORE, Removal.CLEAR}),
        settle_seconds=SETTLE_SECONDS,
    )

    def __init__(self, definition: Definition, api: MarketoApi) -> None:
        self._api = api
        self._key = definition.key.field
        self._mode = definition.mode
        self._partition = definition.options.get("partition")
        if self._key == "id" and definition.mode is not Mode.UPDATE:
            raise DefinitionError(
                f"{definition.name}.yml: Marketo looks up by id to update only.",
                next_step="Write `mode: update`, or take another field for the key.",
            )

    @property
    def calls(self) -> int:
        """API calls made so far."""
        return self._api.calls

    def check(self) -> Mapping[str, FieldInfo]:
        """See that the token works, and read the fields there are."""
        known = {}
        for field in self._api.ask("GET", "/rest/v1/leads/describe.json"):
            writable = not field["rest"].get("readOnly", False)
            said = f"{field['dataType']}({field.get('length', '')})"
            known[field["rest"]["name"]] = FieldInfo(said, writable, writable)
        return known

    def batch_rows(self, rows: int) -> int:
        """300 leads a call."""
        return BATCH_ROWS

    def least_calls(self, counts: Counts) -> int:
        """``ceil(n / 300)`` per operation, and as many reads where a look before is needed."""
        parts = (counts.created, counts.updated, counts.removed, counts.to_read)
        return sum(-(-rows // BATCH_ROWS) for rows in parts)

    def deliver(self, batch: Batch, remember: Callable[[str], None]) -> Sequence[RowResult]:
        """Sync one batch. A lead that we know and that is gone is made again whole (upsert), or is
        done with (a removal)."""
        operation = batch.changes[0].operation
        if operation is Operation.CREATE:
            action = {Mode.CREATE: "createOnly", Mode.UPDATE: "updateOnly"}.get(
                self._mode, "createOrUpdate"
            )
            return [_already_there(result) for result in self._sync(batch.changes, action)]
        results = self._sync(batch.changes, "updateOnly")
        if operation is Operation.REMOVE:
            return [_gone_is_done(result) for result in results]
        if self._mode is Mode.UPDATE:
            return results
        gone = {result.key for result in results if result.code == NOT_FOUND}
        again = [
            replace(change, fields=change.whole) for change in batch.changes if change.key in gone
        ]
        made = {item.key: item for item in self._sync(again, "createOrUpdate")} if again else {}
        return [made.get(result.key, result) for result in results]

    def resolve(self, batch: Batch) -> Sequence[RowResult]:
        """Send it again, but of what can make a lead only those that are there: while Marketo may
        still be at work at the first call, a second one could make the same lead twice."""
        if batch.changes[0].operation is Operation.REMOVE or self._mode is Mode.UPDATE:
            return self.deliver(batch, lambda _handle: None)
        there = self.current(batch.changes, ())
        found = tuple(change for change in batch.changes if change.key in there)
        results = [
            RowResult(change.key, Outcome.UNSENT)
            for change in batch.changes
            if change.key not in there
        ]
        if found:
            results += self.deliver(replace(batch, changes=found), lambda _handle: None)
        return results

    def current(self, changes: Sequence[Change], fields: Sequence[str]) -> Mapping[str, Held]:
        """Read the leads of these keys; of several with one key that with the smallest id."""
        held: dict[str, Held] = {}
        for start in range(0, len(changes), BATCH_ROWS):
            part = changes[start : start + BATCH_ROWS]
            found = self._find([change.key for change in part], fields)
            for change in part:
                if lead := found.get(change.key.lower()):
                    held[change.key] = Held(
                        str(lead["id"]), {name: lead.get(name) for name in fields}
                    )
        return held

    def _find(self, keys: Sequence[str], fields: Sequence[str]) -> dict[str, Record]:
        """Leads by their key in lower case: Marketo's look-up does not mind case."""
        asked = {
            "_method": "GET",  # in a body, for 300 addresses are longer than an address may be
            "filterType": self._key,
            "filterValues": ",".join(_askable(key) for key in keys),
            "fields": ",".join(dict.fromkeys((self._key, *fields))),
            "batchSize": str(BATCH_ROWS),
        }
        found: dict[str, Record] = {}
        following: str | None = None
        while True:
            place = {"nextPageToken": following} if following else {}
            answer = self._api.answer("POST", LEADS, data={**asked, **place}, idempotent=True)
            for lead in answer.get("result") or ():
                key = str(lead.get(self._key, "")).lower()
                if key not in found or lead["id"] < found[key]["id"]:
                    found[key] = lead
            following = answer.get("nextPageToken")
            if not following or not answer.get("result"):
                return found

    def _sync(self, changes: Sequence[Change], action: str) -> list[RowResult]:
        body: dict[str, object] = {
            "action": action,
            "lookupField": self._key,
            "input": [
                {self._key: change.key, **{k: encode(v) for k, v in change.fields.items()}}
                for change in changes
            ],
        }
        if self._partition is not None:
            body["partitionName"] = self._partition
        return self._api.rows(changes, "POST", LEADS, json=body)


def encode(value: Value) -> Value:
    """A field's value: Marketo keeps no empty text, and null clears."""
    return None if value == "" else value


def _askable(key: str) -> str:
    if "," in key:
        raise VendorRejectedError(
            f"Marketo cannot be asked for the key {key!r}: commas separate the keys.",
            next_step="Take keys without commas, or leave `edits` and `fill_empty` away.",
        )
    return key


def _already_there(result: RowResult) -> RowResult:
    if result.code != ALREADY_EXISTS:
        return result
    return RowResult(result.key, Outcome.DELIVERED, result.destination_id, code=ALREADY_THERE)


def _gone_is_done(result: RowResult) -> RowResult:
    return RowResult(result.key, Outcome.DELIVERED) if result.code == NOT_FOUND else result
