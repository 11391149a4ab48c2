"""The Crunchbase-like enrichment API: organizations by search, and the feed of deleted ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from connectors.crunchbase.streams import STREAMS
from connectors.moments import moment_or_none
from connectors.stream import Stream
from connectors.zone import Extracted, Kind, LoadFolder
from headwater.clock import Clock
from headwater.errors import CredentialError, VendorRejectedError
from headwater.http import ApiSession
from headwater.settings import CrunchbaseSettings, Settings

PAGE = 1000
CALLS_PER_SECOND = 3
"""200 a minute are allowed."""
SEARCH = "/v4/data/searches/organizations"
DELETED = "/v4/data/deleted_entities/organizations"
Entity = dict[str, Any]


@dataclass
class CrunchbaseSource:
    """Organizations."""

    settings: Settings
    crunchbase: CrunchbaseSettings
    name: str = "crunchbase"
    streams: tuple[Stream, ...] = STREAMS
    concurrency: int = 1

    def __post_init__(self) -> None:
        self.session = ApiSession(
            "crunchbase",
            str(self.crunchbase.base_url),
            self.settings,
            calls_per_second=CALLS_PER_SECOND,
        )
        self.session.headers["X-cb-user-key"] = self.crunchbase.user_key.get_secret_value()

    def check(self) -> None:
        """Search for one organization: proves the key."""
        try:
            self._search({"field_ids": ["identifier"], "query": [], "limit": 1})
        except (CredentialError, VendorRejectedError) as error:
            raise CredentialError(
                f"Crunchbase refused a search: {error.what}",
                next_step="Check CRUNCHBASE_USER_KEY and CRUNCHBASE_BASE_URL; the plan needs "
                "the full API.",
            ) from error

    def extract(
        self, stream: Stream, cursor: str | None, folder: LoadFolder, clock: Clock
    ) -> Extracted:
        """Organizations changed since ``cursor`` (ISO 8601) less the overlap, and the deleted."""
        calls_before = self.session.calls
        newest = _Newest(clock.now(), cursor)
        since = datetime.fromisoformat(cursor) - stream.overlap.window if cursor else None
        folder.write_records(newest.watch(self._organizations(stream, since)))
        folder.write_records(self._deleted(), Kind.TOMBSTONES)
        return folder.extracted(calls=self.session.calls - calls_before, cursor=newest.cursor)

    def close(self) -> None:
        """Close the session."""
        self.session.close()

    def _organizations(self, stream: Stream, since: datetime | None) -> Iterator[list[Entity]]:
        fields = {column.path[1] for column in stream.columns if column.path[0] == "properties"}
        body: dict[str, Any] = {
            "field_ids": sorted(fields),
            "query": [],
            "order": [{"field_id": "updated_at", "sort": "asc"}],
            "limit": PAGE,
        }
        if since is not None:
            body["query"] = [
                {
                    "type": "predicate",
                    "field_id": "updated_at",
                    "operator_id": "gte",
                    "values": [since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")],
                }
            ]
        while True:
            page: list[Entity] = self._search(body)["entities"]
            yield page
            if len(page) < PAGE:
                return
            body["after_id"] = page[-1]["uuid"]

    def _deleted(self) -> Iterator[list[Entity]]:
        params: dict[str, str] = {"limit": str(PAGE)}
        while True:
            answer = self.session.call("GET", DELETED, params=params).json()
            page: list[Entity] = answer if isinstance(answer, list) else answer["entities"]
            yield page
            if len(page) < PAGE:
                return
            params["after_id"] = page[-1]["uuid"]

    def _search(self, body: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = self.session.call(
            "POST", SEARCH, json=body, idempotent=True
        ).json()
        return answer


@dataclass
class _Newest:
    """The newest change among the organizations that pass, never later than the horizon."""

    horizon: datetime
    cursor: str | None

    def watch(self, pages: Iterable[list[Entity]]) -> Iterator[list[Entity]]:
        """Pass pages on, and move the cursor by their ``updated_at``.

        An entity whose moment cannot be read says nothing here; its contract quarantines it.
        """
        for page in pages:
            for entity in page:
                found = moment_or_none((entity.get("properties") or {}).get("updated_at"))
                if found is None:
                    continue
                changed = min(found, self.horizon)
                if self.cursor is None or changed > datetime.fromisoformat(self.cursor):
                    self.cursor = changed.isoformat()
            yield page
