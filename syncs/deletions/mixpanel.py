"""Mixpanel: deletion tasks of the GDPR API for the product's project, by distinct ids.

A task takes up to 30 days. It is asked for once, then looked at each time until Mixpanel says that
it has succeeded; one that failed or was cancelled is asked for anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from headwater.erased_rows import DEVICE
from headwater.errors import SettingsError
from headwater.http import ApiSession
from headwater.settings import Settings, load
from headwater.system_settings import MixpanelSettings
from headwater.vendor_deletions import Answer, Outcome, VendorDeletion
from syncs.deletions import Deleter
from syncs.destinations.answers import reading

PATH = "/api/app/data-deletions/v3.0/"
BATCH_ROWS = 999
"""1,999 distinct ids are allowed in a task, and a device has two."""
CALLS_PER_SECOND = 1
UNDER_WAY = frozenset({"PENDING", "STAGING", "STARTED", "UNKNOWN"})
"""UNKNOWN is Mixpanel's word for an error while it looked for the task."""


def connect(settings: Settings) -> Deleter:
    """The deleter of the product's project."""
    account = load(MixpanelSettings)
    if account.project_token is None or account.gdpr_token is None:
        raise SettingsError(
            "MIXPANEL_PROJECT_TOKEN or MIXPANEL_GDPR_TOKEN is missing.",
            next_step="Set both to have Mixpanel delete people; .env.example says where they are.",
        )
    token = account.gdpr_token
    session = ApiSession(
        "Mixpanel",
        str(account.app_base_url),
        settings,
        calls_per_second=CALLS_PER_SECOND,
        source="to mixpanel",
        token=lambda _renew: f"Bearer {token.get_secret_value()}",
    )
    return MixpanelDeletion(session, account.project_token)


class MixpanelDeletion:
    """Users and devices of one project."""

    def __init__(self, session: ApiSession, project_token: str) -> None:
        self._session = session
        self._query = {"token": project_token}

    def delete(self, records: Sequence[VendorDeletion]) -> Iterator[tuple[VendorDeletion, Answer]]:
        """Look at the tasks that are under way, and ask for one for the other records."""
        for task in dict.fromkeys(record.task for record in records if record.task):
            answer = self._look_at(task)
            for record in records:
                if record.task == task:
                    yield record, answer
        new = [record for record in records if not record.task]
        for start in range(0, len(new), BATCH_ROWS):
            part = new[start : start + BATCH_ROWS]
            answer = self._ask(part)
            for record in part:
                yield record, answer

    def _look_at(self, task: str) -> Answer:
        answer = self._session.call("GET", f"{PATH}{task}", params=self._query)
        with reading("Mixpanel", answer):
            status = str(answer.json()["results"]["status"])
        if status == "SUCCESS":
            return Answer(Outcome.DELETED)
        if status in UNDER_WAY:
            return Answer(Outcome.UNDER_WAY, task)
        return Answer(Outcome.REFUSED, status)

    def _ask(self, records: Sequence[VendorDeletion]) -> Answer:
        """Ask for a task. Asked for twice it deletes the same, so a lost answer does no harm."""
        ids = [name for record in records for name in distinct_ids(record)]
        answer = self._session.call(
            "POST",
            PATH,
            idempotent=True,
            params=self._query,
            json={"distinct_ids": ids, "compliance_type": "GDPR"},
        )
        with reading("Mixpanel", answer):
            return Answer(Outcome.UNDER_WAY, str(answer.json()["results"][0]["tracking_id"]))


def distinct_ids(record: VendorDeletion) -> list[str]:
    """How events name a user or a device: projects with simplified identities write a prefix."""
    name = str(record.record_id)
    return [name, f"{DEVICE}{name}"] if record.id_type == "anonymous_id" else [name]
