"""HubSpot's limit of calls in a day, as reading and writing meet it."""

from __future__ import annotations

import requests

from headwater.errors import QuotaExhaustedError


def day_is_used_up(response: requests.Response, next_step: str) -> QuotaExhaustedError | None:
    """What a 429 of the day is, and None for any other answer: it is no call to wait, since it
    lasts until midnight in the account's time zone."""
    body = response.text[:500]
    if response.status_code == 429 and "DAILY" in body:
        return QuotaExhaustedError(
            f"hubspot: the account's calls of the day are used up: {body}", next_step=next_step
        )
    return None
