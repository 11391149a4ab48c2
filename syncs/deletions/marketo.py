"""Marketo: leads by ``leads/delete``, 300 a call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from headwater.errors import OutcomeUnknownError
from headwater.settings import Settings, load
from headwater.system_settings import MarketoSettings
from headwater.vendor_deletions import Answer, Outcome, VendorDeletion
from syncs.deletions import Deleter
from syncs.destinations.marketo_api import BATCH_ROWS, MarketoApi

PATH = "/rest/v1/leads/delete.json"
NOT_FOUND = "1004"


def connect(settings: Settings) -> Deleter:
    """The deleter of the instance."""
    return MarketoDeletion(MarketoApi(settings, load(MarketoSettings)))


class MarketoDeletion:
    """Leads by their ids."""

    def __init__(self, api: MarketoApi) -> None:
        self._api = api

    def delete(self, records: Sequence[VendorDeletion]) -> Iterator[tuple[VendorDeletion, Answer]]:
        """Delete leads by their ids; the answers come in the order of the input."""
        for start in range(0, len(records), BATCH_ROWS):
            part = records[start : start + BATCH_ROWS]
            leads = [{"id": int(str(one.record_id))} for one in part]
            rows = self._api.ask("POST", PATH, idempotent=True, json={"input": leads})
            if len(rows) != len(part):
                raise OutcomeUnknownError(
                    f"Marketo POST {PATH}: {len(part)} leads were sent and {len(rows)} answered.",
                    next_step="They are asked for again: one that is gone counts.",
                )
            yield from zip(part, map(_meaning, rows), strict=True)


def _meaning(row: dict[str, Any]) -> Answer:
    if row.get("status") == "deleted":
        return Answer(Outcome.DELETED)
    codes = ",".join(str(reason.get("code")) for reason in row.get("reasons") or ())
    if codes == NOT_FOUND:
        return Answer(Outcome.GONE)
    return Answer(Outcome.REFUSED, codes or str(row.get("status")))
