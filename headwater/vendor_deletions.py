"""What a vendor holds of somebody erased and is to delete there: kept with the erasure, durably,
before anything is removed here.

A request names the record by the vendor's own id, and holds nothing else of the person. Once the
vendor has acknowledged it, or people say that they deleted the record, the id goes too. What stays
is the receipt: which kind of record, its digest, what was answered and when.
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
    BY_PEOPLE = "deleted by people"  # who say so


DONE = frozenset({Outcome.DELETED, Outcome.GONE, Outcome.BY_PEOPLE})


@dataclass(frozen=True)
class Answer:
    """``said``: the vendor's name of the work that is under way, its code of a refusal (never its
    words, which may name the person), or who says that people deleted it."""

    outcome: Outcome
    said: str | None = None


class VendorDeletion(BaseModel):
    """One record at one vendor. ``record_id`` is None once it is deleted; ``digest`` is that of
    ``id_type:record_id`` and stays. ``task`` is what the vendor calls the work that it has not
    finished; ``said`` is its code of a refusal, or who says that people deleted it; ``tries``
    counts the answers that came."""

    model_config = ConfigDict(frozen=True)

    vendor: str
    id_type: str
    digest: str
    record_id: str | None
    task: str | None = None
    tries: int = 0
    outcome: Outcome | None = None
    said: str | None = None
    answered_at: datetime | None = None

    @property
    def owed(self) -> bool:
        """Whether it is still to be deleted, as far as we know."""
        return self.outcome not in DONE

    def after(self, answer: Answer, at: datetime) -> VendorDeletion:
        """The same with what the vendor answered."""
        outcome = answer.outcome
        under_way = outcome is Outcome.UNDER_WAY
        return self.model_copy(
            update={
                "record_id": None if outcome in DONE else self.record_id,
                "task": answer.said if under_way else None,
                "said": None if under_way else answer.said,
                "outcome": outcome,
                "tries": self.tries + 1,
                "answered_at": at,
            }
        )
