"""How far billing was read: when the last reading began, and how many objects there are.

The number decides between asking for each changed object and listing all of them anew.
"""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, ValidationError

from headwater.errors import SourceDataError


class Cursor(BaseModel):
    """``read_at`` is UTC; ``objects`` is about how many the source has."""

    model_config = ConfigDict(frozen=True)

    read_at: datetime
    objects: int

    @classmethod
    def of(cls, text: str) -> Cursor:
        """The cursor that :meth:`text` wrote. Raises :class:`headwater.errors.SourceDataError`."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise SourceDataError(
                f"The cursor {text!r} of billing cannot be read.",
                next_step="Remove it from landing.cursors; everything is listed anew then.",
            ) from error

    def text(self) -> str:
        """The cursor as it is kept."""
        return self.model_dump_json()
