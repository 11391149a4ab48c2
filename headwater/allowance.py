"""An account's calls of a day, as every answer of the vendor tells them, and what we leave of them
to others: people and programs that use the account, too.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from headwater.errors import QuotaExhaustedError

SALESFORCE = "Sforce-Limit-Info"
USAGE = re.compile(r"(?:^|[\s,;])api-usage=(\d+)/(\d+)")
"""``api-usage=18/5000``; other figures, such as that of a single app, may stand beside it."""
HUBSPOT, HUBSPOT_LEFT = "X-HubSpot-RateLimit-Daily", "X-HubSpot-RateLimit-Daily-Remaining"


@dataclass
class Allowance:
    """How much of an account's allowance was used when it was last told, by whomever.

    ``share`` is the part of it, from 0 to 1, up to which we may use it; ``setting`` says so.
    """

    system: str
    share: float
    setting: str
    used: int = 0
    most: int | None = None
    _under_way: int = 0
    _turn: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def begin(self) -> None:
        """Count a call that is about to be made beside those that are under way.

        Raises like :meth:`check`.
        """
        with self._turn:
            self.check()
            self._under_way += 1

    def end(self, headers: Mapping[str, str]) -> None:
        """Such a call has its answer, or will have none (no headers)."""
        with self._turn:
            before = self.used
            self.note(headers)
            self._under_way -= 1
            if self._under_way:  # answers may come in another order than they were counted in
                self.used = max(before, self.used)

    def note(self, headers: Mapping[str, str]) -> None:
        """Take in what an answer says, if it says something."""
        found = USAGE.search(headers.get(SALESFORCE, ""))
        if found:
            self.used, self.most = int(found[1]), int(found[2])
            return
        most, left = headers.get(HUBSPOT, ""), headers.get(HUBSPOT_LEFT, "")
        if most.isdigit() and left.isdigit():
            self.used, self.most = int(most) - int(left), int(most)

    def check(self) -> None:
        """Raise :class:`headwater.errors.QuotaExhaustedError` when our part is used up."""
        if self.most is not None and self.used + self._under_way >= self.share * self.most:
            raise QuotaExhaustedError(
                f"{self.system}: {self.used} of the account's {self.most} API requests of a day "
                f"are used; the share up to which Headwater calls is {self.share:g}.",
                next_step="It goes on where it stopped once there are less than that again; "
                f"{self.setting} moves the line.",
            )
