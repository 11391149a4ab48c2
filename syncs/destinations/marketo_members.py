"""Marketo: members of a static list, and of a program with their status; 300 a call.

Keys are Marketo's lead ids. Membership is a set, so adding and removing twice change nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from headwater.errors import CredentialError, DefinitionError, VendorRejectedError
from syncs.definition import Definition, Mode, Removal
from syncs.destination import (
    Batch,
    Capabilities,
    Change,
    Counts,
    Held,
    Operation,
    Outcome,
    RowResult,
)
from syncs.destinations.marketo_api import BATCH_ROWS, MarketoApi

NOT_IN_LIST, NO_MEMBER, LEAD_NOT_FOUND = "1015", "1013", "1004"
IN_OR_PAST = "1037"
"""The member has the status already, or one that comes after it."""
NO_LEAD_ID = "NO_LEAD_ID"
STATUS = "statusName"


class ListMembers:
    """One static list, ``object: list:<id>``."""

    name = "marketo"
    capabilities = Capabilities(frozenset({Mode.MIRROR}), frozenset({Removal.REMOVE_MEMBER}))

    def __init__(self, definition: Definition, api: MarketoApi, list_id: int) -> None:
        if definition.fields:
            raise DefinitionError(
                f"{definition.name}.yml: fields: members of a list have none.",
                next_step="Leave `fields` away; the key is the lead id.",
            )
        self._api = api
        self._list = f"/rest/v1/lists/{list_id}"

    @property
    def calls(self) -> int:
        """API calls made so far."""
        return self._api.calls

    def check(self) -> None:
        """See that the list is there."""
        _require(self._api, f"{self._list}.json", "static list")

    def batch_rows(self, rows: int) -> int:
        """300 members a call."""
        return BATCH_ROWS

    def least_calls(self, counts: Counts) -> int:
        """``ceil(n / 300)`` of those to add and of those to remove."""
        return sum(-(-rows // BATCH_ROWS) for rows in _parts(counts))

    def deliver(self, batch: Batch, remember: Callable[[str], None]) -> Sequence[RowResult]:
        """Add or remove the leads of one batch; who is not in the list any more is removed."""
        removes = batch.changes[0].operation is Operation.REMOVE
        changes, results = _with_lead_ids(batch.changes)
        if changes:
            body = {"input": [{"id": int(change.key)} for change in changes]}
            method = "DELETE" if removes else "POST"
            results += self._api.rows(changes, method, f"{self._list}/leads.json", json=body)
        if not removes:
            return results
        return [_done(result, NOT_IN_LIST, LEAD_NOT_FOUND) for result in results]

    def resolve(self, batch: Batch) -> Sequence[RowResult]:
        """Send it again: a list is a set."""
        return self.deliver(batch, lambda _handle: None)


class ProgramMembers:
    """The members of one program, ``object: program:<id>``; the one field is ``statusName``.

    A status can be moved forward only: one that a member is past of is refused.
    """

    name = "marketo"
    capabilities = Capabilities(
        frozenset({Mode.MIRROR, Mode.UPSERT}),
        frozenset({Removal.REMOVE_MEMBER, Removal.IGNORE}),
    )

    def __init__(self, definition: Definition, api: MarketoApi, program_id: int) -> None:
        if [item.field for item in definition.fields] != [STATUS]:
            raise DefinitionError(
                f"{definition.name}.yml: fields: a program's member has the one field {STATUS}.",
                next_step=f"Map one column to {STATUS}; the key is the lead id.",
            )
        self._api = api
        self._members = f"/rest/v1/programs/{program_id}/members"
        self._asset = f"/rest/asset/v1/program/{program_id}.json"

    @property
    def calls(self) -> int:
        """API calls made so far."""
        return self._api.calls

    def check(self) -> None:
        """See that the program is there."""
        _require(self._api, self._asset, "program")

    def batch_rows(self, rows: int) -> int:
        """300 members a call; a batch of several statuses takes a call for each."""
        return BATCH_ROWS

    def least_calls(self, counts: Counts) -> int:
        """``ceil(n / 300)`` of those to have a status, of those to remove and of looks."""
        return sum(-(-rows // BATCH_ROWS) for rows in (*_parts(counts), counts.to_read))

    def deliver(self, batch: Batch, remember: Callable[[str], None]) -> Sequence[RowResult]:
        """Remove members, or give each its status: a call per status. One that the program does not
        have is refused for its rows alone."""
        changes, results = _with_lead_ids(batch.changes)
        if batch.changes[0].operation is Operation.REMOVE:
            if changes:
                body = {"input": [{"leadId": int(change.key)} for change in changes]}
                path = f"{self._members}/delete.json"
                results += self._api.rows(changes, "POST", path, json=body)
            return [_done(result, NO_MEMBER, LEAD_NOT_FOUND) for result in results]
        for status, alike in _by_status(changes):
            results += self._set(status, alike)
        return results

    def resolve(self, batch: Batch) -> Sequence[RowResult]:
        """Send it again: a member has one status."""
        return self.deliver(batch, lambda _handle: None)

    def current(self, changes: Sequence[Change], fields: Sequence[str]) -> Mapping[str, Held]:
        """The status of these members."""
        held: dict[str, Held] = {}
        asked = [change.key for change in changes if change.key.isdecimal()]
        for start in range(0, len(asked), BATCH_ROWS):
            found = self._api.ask(
                "GET",
                f"{self._members}.json",
                params={
                    "filterType": "leadId",
                    "filterValues": ",".join(asked[start : start + BATCH_ROWS]),
                    "fields": f"leadId,{STATUS}",
                    "batchSize": str(BATCH_ROWS),
                },
            )
            for member in found:
                lead = str(member["leadId"])
                held[lead] = Held(lead, {STATUS: member.get(STATUS)})
        return held

    def _set(self, status: str, changes: Sequence[Change]) -> list[RowResult]:
        body = {STATUS: status, "input": [{"leadId": int(change.key)} for change in changes]}
        try:
            results = self._api.rows(changes, "POST", f"{self._members}/status.json", json=body)
        except VendorRejectedError as error:
            code = str(error.status) if error.status else None
            return [
                RowResult(change.key, Outcome.REJECTED, code=code, message=error.what)
                for change in changes
            ]
        doubtful = {result.key for result in results if result.code == IN_OR_PAST}
        if not doubtful:
            return results
        held = self.current([change for change in changes if change.key in doubtful], [STATUS])
        has_it = {key for key, member in held.items() if member.fields[STATUS] == status}
        return [
            RowResult(result.key, Outcome.DELIVERED, result.key) if result.key in has_it else result
            for result in results
        ]


def _parts(counts: Counts) -> tuple[int, int, int]:
    return counts.created, counts.updated, counts.removed


def _require(api: MarketoApi, path: str, what: str) -> None:
    try:
        found = api.ask("GET", path)
    except VendorRejectedError as error:
        raise _missing(path, what) from error
    if not found:
        raise _missing(path, what)


def _missing(path: str, what: str) -> CredentialError:
    return CredentialError(
        f"Marketo shows no {what} at {path}.",
        next_step="Correct the id in the definition's object, or let the API user see its "
        "workspace.",
    )


def _with_lead_ids(changes: Sequence[Change]) -> tuple[list[Change], list[RowResult]]:
    """Changes whose key is a lead id, and refusals of the others, which would spoil the call."""
    good = [change for change in changes if change.key.isdecimal()]
    return good, [
        RowResult(
            change.key,
            Outcome.REJECTED,
            code=NO_LEAD_ID,
            message=f"{change.key[:100]!r} is no id of a Marketo lead.",
        )
        for change in changes
        if not change.key.isdecimal()
    ]


def _by_status(changes: Sequence[Change]) -> Iterator[tuple[str, list[Change]]]:
    by_status: dict[str, list[Change]] = {}
    for change in changes:
        by_status.setdefault(str(change.fields.get(STATUS) or ""), []).append(change)
    yield from by_status.items()


def _done(result: RowResult, *codes: str) -> RowResult:
    """A removal of what is not there is done."""
    if result.code in codes:
        return RowResult(result.key, Outcome.DELIVERED, result.destination_id)
    return result
