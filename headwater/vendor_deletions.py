"""What a vendor holds of somebody erased and is to delete there: kept with the erasure, durably,
before anything is removed here.

A request names the record by the vendor's own id, and holds nothing else of the person. Once the
vendor has acknowledged it the id goes too. What stays is the receipt: which kind of record, its
digest, what was answered and when.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class Outcome(StrEnum):
    """What a vendor answered for one record."""

    DELETED = "deleted"
    GONE = "was gone"  # nothing was there to be deleted
    UNDER_WAY = "under way"  # the vendor works at it: asked again later
    REFUSED = "refused"


ACKNOWLEDGED = frozenset({Outcome.DELETED, Outcome.GONE})


@dataclass(frozen=True)
class Answer:
    """``said``: the vendor's name of the work that is under way, or its code of a refusal. Never
    its words, which may name the person."""

    outcome: Outcome
    said: str | None = None


class VendorDeletion(BaseModel):
    """One record at one vendor. ``record_id`` is None once the vendor acknowledged its deletion;
    ``digest`` is that of ``id_type:record_id`` and stays. ``task`` is what the vendor calls the
    work that it has not finished; ``tries`` counts the answers that came."""

    model_config = ConfigDict(frozen=True)

    vendor: str
    id_type: str
    digest: str
    record_id: str | None
    task: str | None = None
    tries: int = 0
    outcome: Outcome | None = None
    code: str | None = None
    answered_at: datetime | None = None

    @property
    def owed(self) -> bool:
        """Whether the vendor has not acknowledged it yet."""
        return self.outcome not in ACKNOWLEDGED

    def after(self, answer: Answer, at: datetime) -> VendorDeletion:
        """The same with what the vendor answered."""
        outcome = answer.outcome
        return self.model_copy(
            update={
                "record_id": None if outcome in ACKNOWLEDGED else self.record_id,
                "task": answer.said if outcome is Outcome.UNDER_WAY else None,
                "code": answer.said if outcome is Outcome.REFUSED else None,
                "outcome": outcome,
                "tries": self.tries + 1,
                "answered_at": at,
            }
        )
