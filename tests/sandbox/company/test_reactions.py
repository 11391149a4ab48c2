"""What the people of sales do with the leads that Headwater made."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from sandbox.clock import VirtualClock
from sandbox.company.crm_accounts import INTEGRATION
from sandbox.company.loading import open_stores
from sandbox.company.reactions import CALLS_A_DAY, react
from sandbox.company.salesforce_ids import record_id

LEADS = 300
DAY = datetime(2025, 8, 29, tzinfo=UTC)


def test_each_rep_calls_as_many_new_leads_as_a_day_has_room_for(tmp_path: Path) -> None:
    clock = VirtualClock(tmp_path / "clock.json")
    clock.set(DAY)
    salesforce = open_stores(tmp_path, clock, ["salesforce"])["salesforce"]
    reps = [record_id("User", number) for number in (1, 2)]
    others = [(record_id("User", 3), INTEGRATION, True), (record_id("User", 4), "gone@x.co", False)]
    salesforce.seed(
        "User",
        [{"Id": rep, "Username": f"{rep}@x.co", "IsActive": True} for rep in reps]
        + [{"Id": key, "Username": name, "IsActive": active} for key, name, active in others],
    )
    salesforce.seed(
        "Lead",
        [
            {"Id": record_id("Lead", number), "PLG_User_Id__c": str(number), "Status": "New"}
            for number in range(LEADS)
        ],
    )

    worked = [react(tmp_path, clock, 7, DAY)["leads_worked"] for _ in range(3)]

    calls = salesforce.rows("Task")
    assert worked[0] == CALLS_A_DAY * len(reps)
    assert 0 < worked[1] < worked[0]  # who was left over
    assert worked[2] == 0
    assert LEADS * 0.4 < sum(worked) < LEADS * 0.6  # the other half is never called
    assert len({call["WhoId"] for call in calls}) == len(calls) == sum(worked)
    assert Counter(call["OwnerId"] for call in calls).keys() == set(reps)
    owners = {lead["Id"]: lead["OwnerId"] for lead in salesforce.rows("Lead")}
    assert all(owners[call["WhoId"]] == call["OwnerId"] for call in calls)
