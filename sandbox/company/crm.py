"""What stands in Salesforce: one version log per object, and who each record really is."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.company.companies import Company
from sandbox.company.people import Human
from sandbox.company.salesforce_ids import record_id
from sandbox.company.timeline import iso
from sandbox.company.versions import Row, VersionLog

OBJECTS = (
    "User",
    "Account",
    "Contact",
    "Lead",
    "Opportunity",
    "Campaign",
    "CampaignMember",
    "Task",
    "OpportunityHistory",
    "OpportunityFieldHistory",
)
FIRST_NUMBER = 731_000_000
STEP = 37


def _stamp(row: Row, t: float) -> None:
    row.setdefault("CreatedDate", iso(t))
    row["SystemModstamp"] = row["LastModifiedDate"] = iso(t)


def _stamp_stage(row: Row, t: float) -> None:
    row.setdefault("CreatedDate", iso(t))
    row["SystemModstamp"] = iso(t)


def _stamp_field(row: Row, t: float) -> None:
    row.setdefault("CreatedDate", iso(t))


STAMPS = {"OpportunityHistory": _stamp_stage, "OpportunityFieldHistory": _stamp_field}
"""The objects with fewer stamps than the others."""


@dataclass
class Crm:
    """The version logs, and the truth of the records in them."""

    logs: dict[str, VersionLog] = field(
        default_factory=lambda: {name: VersionLog(STAMPS.get(name, _stamp)) for name in OBJECTS}
    )
    reps: list[str] = field(default_factory=list)
    account_company: dict[str, Company] = field(default_factory=dict)
    company_accounts: dict[int, list[str]] = field(default_factory=dict)
    person_human: dict[str, Human] = field(default_factory=dict)
    _numbers: dict[str, int] = field(default_factory=dict)

    def add(self, sobject: str, t: float, **fields: object) -> str:
        """A new record created at ``t``; returns its id."""
        number = self._numbers.get(sobject, 0) + 1
        self._numbers[sobject] = number
        key = record_id(sobject, FIRST_NUMBER + STEP * number)
        row: Row = {"Id": key, **fields}
        if sobject != "User":
            row.setdefault("IsDeleted", False)
        self.logs[sobject].put(key, t, row)
        return key

    def change(self, sobject: str, key: str, t: float, **fields: object) -> None:
        """A later change of a record."""
        self.logs[sobject].change(key, t, **fields)

    def account_of(self, company: Company) -> str | None:
        """The company's first, living account."""
        accounts = self.company_accounts.get(company.id)
        return accounts[0] if accounts else None
