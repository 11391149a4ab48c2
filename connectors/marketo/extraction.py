"""One stream's extraction: what its steps have in common."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time

from connectors.marketo.bulk import BulkExtract
from connectors.marketo.client import MarketoClient
from connectors.stream import Stream
from connectors.zone import LoadFolder
from headwater.clock import Clock
from headwater.settings import Settings
from headwater.system_settings import MarketoSettings


@dataclass
class Extraction:
    """What is asked for: everything without ``cursor`` (ISO 8601), else what changed since."""

    client: MarketoClient
    stream: Stream
    cursor: str | None
    folder: LoadFolder
    clock: Clock
    settings: Settings
    marketo: MarketoSettings

    @property
    def horizon(self) -> datetime:
        """Up to when is read: when the extraction was begun, to the second."""
        return self.folder.started_at.replace(microsecond=0)

    @property
    def since(self) -> datetime:
        """From when the activity log is read: the cursor less the overlap."""
        if self.cursor is None:
            return self.history_start
        return datetime.fromisoformat(self.cursor) - self.stream.overlap.window

    @property
    def history_start(self) -> datetime:
        """The first moment of activities on the first load."""
        first = max(self.settings.history_start, self.marketo.start or self.settings.history_start)
        return datetime.combine(first, time.min, UTC)

    @property
    def instance_start(self) -> datetime:
        """The moment before which the instance held nothing."""
        first = self.marketo.start or self.settings.history_start
        return datetime.combine(first, time.min, UTC)

    def bulk(self, entity: str, *json_columns: str) -> BulkExtract:
        """Bulk extract of an entity into this folder."""
        return BulkExtract(
            self.client,
            entity,
            self.folder,
            self.clock,
            self.marketo.bulk_poll_seconds,
            json_columns,
        )
