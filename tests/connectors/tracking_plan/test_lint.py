"""What the lint says of a plan, and that the project's own is fine."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.registry import all_streams
from connectors.tracking_plan.lint import lint
from connectors.tracking_plan.naming import naming
from connectors.tracking_plan.plan import PLANS, current_plan, read_plan
from headwater.errors import DefinitionError

GOOD = """
source: mixpanel
owner: growth
properties:
  platform: {type: text, description: Platform.}
events:
  - name: Invite Sent
    description: A member invited somebody.
    daily_budget: 10
    requires_user: true
    properties:
      workspace_id: {type: integer, required: true, description: Workspace.}
"""


def found(tmp_path: Path, **files: str) -> list[tuple[str, str, str]]:
    """(subject, rule, message) of what is wrong with these files."""
    for name, text in files.items():
        (tmp_path / f"{name}.yml").write_text(text, encoding="utf-8")
    findings = lint(read_plan(tmp_path), all_streams())
    return [(finding.subject, finding.rule, finding.message) for finding in findings]


def event(name: str, properties: str = "{}") -> str:
    return (
        f"  - {{name: {name}, description: It happened., daily_budget: 10, "
        f"properties: {properties}}}\n"
    )


def test_the_projects_own_plan_is_fine() -> None:
    assert lint(read_plan(PLANS), all_streams()) == []


def test_a_good_plan_has_no_findings(tmp_path: Path) -> None:
    assert found(tmp_path, plan=GOOD) == []


@pytest.mark.parametrize(
    "name",
    ["Invite Sent", "Signed Up", "Group Order Placed", "API Key Created", "Article Read",
     "Budget Exceeded", "Step 2 Completed", "Workspace Logged In"],
)  # fmt: skip
def test_good_names(name: str) -> None:
    assert naming().faults_of_event(name) == []


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("invite_sent", "capital letter"),
        ("Invite sent", "capital letter"),
        ("Invite  Sent", "capital letter"),
        ("InviteSent", "capital letter"),
        ("Invite Send", "past tense (Send is none)"),
        ("Sending Invite", "past tense (Invite is none)"),
        ("News Feed", "past tense (Feed is none)"),
        ("Log In", "past tense (Log is none)"),
        ("Opened", "no object"),
    ],
)
def test_bad_names(name: str, fault: str) -> None:
    [said] = naming().faults_of_event(name)
    assert fault in said


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Invite Sent", "Invites Sent"),
        ("Sign Up Completed", "Signup Completed"),
        ("Group Order Shared", "GroupOrder Shared"),
        ("Workspace Created", "Workspaces Created"),
        ("Notification Changed", "Notifcation Changed"),
    ],
)
def test_near_duplicates(one: str, other: str) -> None:
    assert naming().are_alike(one, other)


def test_names_of_different_events_are_not_alike() -> None:
    names = [event.name for file in current_plan().of("mixpanel") for event in file.events]
    alike = [
        (one, other)
        for position, one in enumerate(names)
        for other in names[position + 1 :]
        if naming().are_alike(one, other)
    ]
    assert alike == []
    assert not naming().are_alike("Invite Sent", "Invite Accepted")


def test_duplicates_and_near_duplicates_across_files(tmp_path: Path) -> None:
    second = GOOD.replace("Invite Sent", "Invites Sent") + event("Invite Sent")
    assert found(tmp_path, a=GOOD, b=second) == [
        ("Invites Sent", "near-duplicate", "is named almost like Invite Sent"),
        ("Invite Sent", "duplicate", "stands in the plan twice"),
        ("Invite Sent", "near-duplicate", "is named almost like Invites Sent"),
    ]


def test_the_same_event_of_two_sources_is_no_duplicate(tmp_path: Path) -> None:
    assert found(tmp_path, a=GOOD, b=GOOD.replace("mixpanel", "event_files")) == []


def test_what_is_left_unsaid(tmp_path: Path) -> None:
    plan = "source: mixpanel\nevents:\n  - name: Invite Sent\n    properties: {id: {type: text}}\n"
    assert found(tmp_path, plan=plan) == [
        ("Invite Sent", "owner", "has no owner, and its file names none"),
        ("Invite Sent", "description", "has no description"),
        ("Invite Sent", "daily_budget", "has no daily_budget"),
        ("Invite Sent: id", "description", "has no description"),
    ]


def test_what_cannot_be_read_is_told_with_its_place(tmp_path: Path) -> None:
    text = GOOD.replace("type: integer", "type: int") + "colour: red\n"
    problems = found(tmp_path, plan=text)
    assert [subject for subject, _, _ in problems] == [
        "events.0.properties.workspace_id.type",
        "colour",
    ]
    assert "'text', 'integer', 'number'" in problems[0][2]
    assert {rule for _, rule, _ in problems} == {"readable"}


def test_a_name_that_stands_twice_and_broken_yaml_are_told(tmp_path: Path) -> None:
    twice = GOOD + "      workspace_id: {type: text, description: Again.}\n"
    [(_, rule, message)] = found(tmp_path, a=twice)
    assert (rule, "workspace_id stands there twice" in message) == ("readable", True)
    [(_, rule, message), _] = found(tmp_path, a="events: [", b=twice)
    assert (rule, message[:11]) == ("readable", "is not YAML")


def test_property_names_and_types(tmp_path: Path) -> None:
    declared = (
        "{orderId: {type: text, description: A.}, order_id: {type: text, description: B.}, "
        "workspace_id: {type: text, description: C.}}"
    )
    assert found(tmp_path, plan=GOOD + event("Order Placed", declared)) == [
        ("Order Placed: orderId", "naming", "is not written in small_letters"),
        ("Order Placed: order_id", "duplicate", "is named like orderId"),
        ("Order Placed: workspace_id", "type",
         "is text here and BIGINT in the contract of mixpanel"),
        ("Order Placed: workspace_id", "type", "is text here and integer at Invite Sent"),
    ]  # fmt: skip


def test_a_source_without_events_is_none(tmp_path: Path) -> None:
    [(subject, rule, message)] = found(tmp_path, plan=GOOD.replace("mixpanel", "hubspot"))
    assert (subject, rule) == ("hubspot", "source")
    assert "event_files, mixpanel" in message


def test_a_plan_that_cannot_be_read_stops_the_landing_of_its_events(tmp_path: Path) -> None:
    (tmp_path / "plan.yml").write_text("source: mixpanel\nowner: [1]\n")
    with pytest.raises(DefinitionError, match=r"plan\.yml owner"):
        current_plan(tmp_path)
    with pytest.raises(DefinitionError, match="no folder"):
        current_plan(tmp_path / "nowhere")
