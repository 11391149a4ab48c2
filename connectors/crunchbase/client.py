"""The Crunchbase-like enrichment API: entities of a collection by search, and the deleted ones."""

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
from headwater.errors import CredentialError, SourceDataError, VendorRejectedError
from headwater.http import ApiSession
from headwater.settings import Settings
from headwater.system_settings import CrunchbaseSettings

PAGE = 1000
CALLS_PER_SECOND = 3
WINDOW_SECONDS = 60
"""200 a minute are allowed: take 180, as they come."""
SEARCH = "/v4/data/searches"
DELETED = "/v4/data/deleted_entities"
Entity = dict[str, Any]
Page = tuple[list[Entity], dict[str, Any]]


@dataclass
class CrunchbaseSource:
    """Organizations and their funding rounds; a stream has the name of its collection."""

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
            window_seconds=WINDOW_SECONDS,
        )
        self.session.headers["X-cb-user-key"] = self.crunchbase.user_key.get_secret_value()

    def check(self) -> None:
        """Search each collection for one entity: proves the key and what its plan allows."""
        for stream in self.streams:
            try:
                self._search(stream, {"field_ids": ["identifier"], "query": [], "limit": 1})
            except (CredentialError, VendorRejectedError) as error:
                raise CredentialError(
                    f"Crunchbase refused a search of {stream.name}: {error.what}",
                    next_step="Check CRUNCHBASE_USER_KEY and CRUNCHBASE_BASE_URL; the plan needs "
                    "the full API.",
                ) from error

    def extract(
        self, stream: Stream, cursor: str | None, folder: LoadFolder, clock: Clock
    ) -> Extracted:
        """Entities changed since ``cursor`` (ISO 8601) less the overlap, and the deleted ones."""
        del clock
        calls_before = self.session.calls
        since = datetime.fromisoformat(cursor) - stream.overlap.window if cursor else None
        last = folder.write_pages(
            "changed", lambda token: self._changed(stream, since, token or {"newest": cursor})
        )
        folder.write_pages("deleted", lambda token: self._deleted(stream, token), Kind.TOMBSTONES)
        newest = _earlier(last["newest"], folder.started_at)
        return folder.extracted(calls=self.session.calls - calls_before, cursor=newest)

    def close(self) -> None:
        """Close the session."""
        self.session.close()

    def _changed(
        self, stream: Stream, since: datetime | None, token: dict[str, Any]
    ) -> Iterator[Page]:
        """Pages in the order of creation, which no change moves: an entity that is edited while
        the pages are read neither skips nor shifts the others. The token says behind which entity
        to go on, and the newest change so far."""
        fields = {column.path[1] for column in stream.columns if column.path[0] == "properties"}
        body: dict[str, Any] = {
            "field_ids": sorted(fields),
            "query": [],
            "order": [{"field_id": "created_at", "sort": "asc"}],
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
        newest: str | None = token["newest"]
        if "after" in token:
            body["after_id"] = token["after"]
        while True:
            page = _entities(self._search(stream, body), stream)
            newest = _newest(newest, page)
            if not page:
                yield page, {**token, "newest": newest}
                return
            token = {"after": page[-1]["uuid"], "newest": newest}
            yield page, token
            if len(page) < PAGE:
                return
            body["after_id"] = page[-1]["uuid"]

    def _deleted(self, stream: Stream, after: str | None) -> Iterator[tuple[list[Entity], str]]:
        params: dict[str, str] = {"limit": str(PAGE)}
        while True:
            if after:
                params["after_id"] = after
            page = _entities(
                self.session.call("GET", f"{DELETED}/{stream.name}", params=params).json(), stream
            )
            if page:
                after = page[-1]["uuid"]
                yield page, after
            if len(page) < PAGE:
                return

    def _search(self, stream: Stream, body: dict[str, Any]) -> Any:
        return self.session.call(
            "POST", f"{SEARCH}/{stream.name}", json=body, idempotent=True
        ).json()


def _entities(answer: Any, stream: Stream) -> list[Entity]:
    """The entities of an answer: a list, or an object that holds one.

    Raises :class:`headwater.errors.SourceDataError` when it is neither, or one has no uuid to go
    on behind.
    """
    page = answer.get("entities") if isinstance(answer, dict) else answer
    if not isinstance(page, list):
        raise SourceDataError(
            f"crunchbase.{stream.name}: an answer without a list of entities: {str(answer)[:200]}",
            next_step="Check CRUNCHBASE_BASE_URL; nothing of this answer was landed.",
        )
    if not all(isinstance(entity, dict) and entity.get("uuid") for entity in page[-1:]):
        raise SourceDataError(
            f"crunchbase.{stream.name}: the last entity of a page has no uuid: {page[-1:]}",
            next_step="The pages behind it can't be asked for; nothing was landed.",
        )
    return page


def _newest(known: str | None, page: Iterable[Any]) -> str | None:
    """The newest change known so far.

    An entity whose moment cannot be read says nothing here; its contract quarantines it.
    """
    newest = moment_or_none(known)
    for entity in page:
        properties = entity.get("properties") if isinstance(entity, dict) else None
        changed = moment_or_none((properties or {}).get("updated_at"))
        if changed is not None and (newest is None or changed > newest):
            newest = changed
    return newest.isoformat() if newest else None


def _earlier(newest: str | None, horizon: datetime) -> str | None:
    """The newest change, never later than the moment at which reading began."""
    return min(datetime.fromisoformat(newest), horizon).isoformat() if newest else None
