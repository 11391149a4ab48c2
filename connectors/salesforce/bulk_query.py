"""One Bulk API 2.0 query as a step of an extraction: its result pages become parts of the load.

The step remembers the job and the next locator; where the org dropped the job, it is made again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.moments import moment_or_none
from connectors.salesforce.client import GoneError, JobFailedError, SalesforceClient
from connectors.zone import Kind, LoadFolder
from headwater.clock import Clock
from headwater.errors import VendorUnavailableError

Save = Callable[[Path, Path], tuple[int, str | None]]
"""Turns a page of CSV into a part: how many records it has, and their newest stamp, if any."""


@dataclass(frozen=True)
class BulkQuery:
    """A query by one job. ``step`` names it in ``folder``; ``soql`` gives its text; ``save`` writes
    a page as a part with this ``extension``, of this ``kind``."""

    client: SalesforceClient
    folder: LoadFolder
    clock: Clock
    step: str
    soql: Callable[[], str]
    save: Save
    extension: str
    kind: Kind = Kind.RECORDS

    def run(self) -> str | None:
        """Write the rows; returns their newest stamp.

        Raises :class:`headwater.errors.VendorUnavailableError` when a page or the whole doesn't
        hold the records that Salesforce counted: an answer that was cut off looks like a whole one.
        """
        token = self.folder.token(self.step)
        if not self.folder.is_done(self.step):
            token = token or self._new_job()
            try:
                counted = self.client.wait_for_job(token["job"], self.clock)
            except GoneError:
                token = self._new_job()
                counted = self.client.wait_for_job(token["job"], self.clock)
            except JobFailedError:
                self.folder.checkpoint(self.step, None)  # it is not asked again
                raise
            token = self._save_pages(token, counted)
        newest: str | None = token["newest"]
        return newest

    def _new_job(self) -> dict[str, Any]:
        job = self.client.open_job(self.soql())
        token = {"job": job, "locator": None, "received": 0, "newest": None, "is_last": False}
        self.folder.checkpoint(self.step, token)
        return token

    def _save_pages(self, token: dict[str, Any], counted: int) -> dict[str, Any]:
        job = token["job"]
        pages = self.client.bulk_pages(job, token["locator"], self.folder.path)
        for page in () if token["is_last"] else pages:
            part = self.folder.new_part(self.extension)
            rows, stamp = self.save(page.file, part)
            page.file.unlink()
            _expect(page.records, rows, f"a page of bulk query job {job}")
            self.folder.seal(part, rows, self.kind)
            token = {
                "job": job,
                "locator": page.locator,
                "received": token["received"] + rows,
                "newest": newest_of([token["newest"], stamp]),
                "is_last": page.locator is None,
            }
            self.folder.checkpoint(self.step, token)
        if token["received"] != counted:
            self.folder.checkpoint(self.step, None)
        _expect(counted, token["received"], f"bulk query job {job}")
        self.folder.finish(self.step, token)
        return token


def newest_of(stamps: Iterable[object]) -> str | None:
    """The newest stamp that can be read. Those that cannot say nothing here: the contract
    quarantines their rows."""
    moments = [moment for value in stamps if (moment := moment_or_none(value))]
    return max(moments).isoformat() if moments else None


def _expect(counted: int, rows: int, what: str) -> None:
    if rows != counted:
        raise VendorUnavailableError(
            f"salesforce {what}: {rows} records arrived whole, but Salesforce counted {counted}.",
            next_step="The answer was cut off; the stream is read again on the next try.",
        )
