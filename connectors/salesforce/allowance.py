"""The org's API requests of the last 24 hours, as every answer tells them, and what we leave of
them to others.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from headwater.errors import QuotaExhaustedError

HEADER = "Sforce-Limit-Info"
USAGE = re.compile(r"(?:^|[\s,;])api-usage=(\d+)/(\d+)")
"""``api-usage=18/5000``; other figures, such as that of a single app, may stand beside it."""


@dataclass
class Allowance:
    """How much of the org's allowance was used when it was last told; shared by all sessions.

    ``share`` is the part of it, from 0 to 1, up to which we may use it.
    """

    share: float
    used: int = 0
    most: int | None = None

    def note(self, header: str | None) -> None:
        """Take in the header of an answer, if it has one."""
        found = USAGE.search(header or "")
        if found:
            self.used, self.most = int(found[1]), int(found[2])

    def check(self) -> None:
        """Raise :class:`headwater.errors.QuotaExhaustedError` when our part is used up."""
        if self.most is not None and self.used >= self.share * self.most:
            raise QuotaExhaustedError(
                f"salesforce: {self.used} of the org's {self.most} API requests of the last "
                f"24 hours are used; the share up to which Headwater reads is {self.share:g}.",
                next_step="Reading goes on where it stopped once older requests drop out of the "
                "24 hours; SALESFORCE_API_SHARE moves the line.",
            )
