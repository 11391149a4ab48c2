"""Zendesk's records through time: tickets and their events, users, organizations, chats."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sandbox.company.agents import Organization, User, Workspace
from sandbox.company.timeline import EPOCH, HORIZON, SECOND, at
from sandbox.company.versions import Row, VersionLog

AGENT_NAMES = ("Mira Sol", "Jonas Hart", "Ada Quist", "Leo Brandt", "Nia Okoye")
AGENTS = tuple(361_000_000_001 + number for number in range(len(AGENT_NAMES)))
ORGANIZATIONS_FROM = 370_000_000_000
USERS_FROM = 380_000_000_000
SECOND_USERS_FROM = 390_000_000_000
SUPPORT_GROUP = 360_000_000_001
ZENDESK_ITSELF = -1
FIRST_TICKET = 1001
FIRST_EVENT = 2_000_000_001
URL = "https://groupgrub.zendesk.com/api/v2"
Message = tuple[float, int | None, str]
"""Moment in days, agent (None for the visitor), words."""


def stamp(t: float) -> str:
    """The moment ``t`` days after the start of the world as Zendesk writes it."""
    return at(t).strftime("%Y-%m-%dT%H:%M:%SZ")


def _stamp_record(row: Row, t: float) -> None:
    row["updated_at"] = stamp(t)


def _stamp_ticket(row: Row, t: float) -> None:
    """A change by Zendesk itself moves the generated timestamp only."""
    row["generated_timestamp"] = EPOCH + round(t * 86_400)
    if not row.pop("by_zendesk", False):
        row["updated_at"] = stamp(t)


def _stamp_chat(row: Row, t: float) -> None:
    row["update_timestamp"] = stamp(t)


def _stamp_event(row: Row, t: float) -> None:
    row["timestamp"] = EPOCH + round(t * 86_400)
    row["created_at"] = stamp(t)


def _new_logs() -> dict[str, VersionLog]:
    return {
        "tickets": VersionLog(_stamp_ticket),
        "ticket_events": VersionLog(_stamp_event),
        "users": VersionLog(_stamp_record),
        "organizations": VersionLog(_stamp_record),
        "chats": VersionLog(_stamp_chat),
    }


@dataclass
class Desk:
    """Keeps the records; every change of a ticket is an event, too."""

    logs: dict[str, VersionLog] = field(default_factory=_new_logs)
    _tickets: int = FIRST_TICKET - 1
    _events: int = FIRST_EVENT - 1

    def hire(self) -> None:
        """The agents, there from the first day."""
        for key, name in zip(AGENTS, AGENT_NAMES, strict=True):
            address = f"{name.split()[0].lower()}@groupgrub.com"
            self._user(key, 0.0, name, address, None, None, role="agent")

    def requester(self, user: User, workspace: Workspace, t: float) -> int:
        """The Zendesk id of a user; who asks for the first time becomes known now."""
        key, organization = USERS_FROM + user.id, workspace.organization
        if key not in self.logs["users"]:
            name = user.human.full_name
            email, external_id = user.email.lower(), str(user.id)
            self._user(key, t, name, email, external_id, self._organization(organization, t))
        return key

    def merge_user(self, user: User, address: str, known: float, t: float) -> None:
        """The same human, known by another address for a while."""
        key, log = SECOND_USERS_FROM + user.id, self.logs["users"]
        if key not in log and address != user.email.lower():
            self._user(key, known, user.human.full_name, address, None, None)
            log.change(key, t, active=False)

    def delete_user(self, user: User, t: float) -> None:
        """A user who asked to be forgotten."""
        self.logs["users"].change(USERS_FROM + user.id, t, active=False)

    def delete_organization(self, organization: Organization, t: float) -> None:
        """An organization that somebody tidied away."""
        key = ORGANIZATIONS_FROM + organization.id
        self.logs["organizations"].change(key, t, deleted_at=stamp(t))

    def open_ticket(
        self,
        t: float,
        requester: int,
        workspace: Workspace,
        subject: str,
        question: str,
        priority: str,
        tag: str,
        channel: str,
    ) -> int:
        """A new ticket and its first event; returns its number."""
        self._tickets += 1
        number = self._tickets
        self.logs["tickets"].put(
            number,
            t,
            {
                "id": number,
                "url": f"{URL}/tickets/{number}.json",
                "external_id": None,
                "via": {"channel": channel},
                "created_at": stamp(t),
                "type": "question",
                "subject": subject,
                "raw_subject": subject,
                "description": question,
                "priority": priority,
                "status": "new",
                "requester_id": requester,
                "submitter_id": requester,
                "assignee_id": None,
                "organization_id": ORGANIZATIONS_FROM + workspace.organization.id,
                "group_id": SUPPORT_GROUP,
                "problem_id": None,
                "is_public": True,
                "tags": [tag],
                "custom_fields": [{"id": 360_000_000_101, "value": str(workspace.id)}],
                "satisfaction_rating": {"score": "unoffered"},
            },
        )
        created = {"event_type": "Create", "status": "new", "subject": subject}
        self._event(number, t, requester, channel, [self._comment(requester, question), created])
        return number

    def update(
        self, number: int, t: float, updater: int, *, comment: str | None = None, **fields: Any
    ) -> None:
        """A change of a ticket by a person, with or without a comment."""
        log = self.logs["tickets"]
        if number not in log or t >= HORIZON:
            return
        before = log.latest(number)
        log.change(number, t, **fields)
        children = [] if comment is None else [self._comment(updater, comment)]
        for name, value in fields.items():
            change = {"event_type": "Change", name: value, "previous_value": before[name]}
            children.append(change)
        self._event(number, t, updater, "Web form", children)

    def merge_ticket(self, loser: int, winner: int, t: float, agent: int) -> None:
        """Close a ticket in favour of another one, which only the comment names."""
        if loser in self.logs["tickets"]:
            tags = [*self.logs["tickets"].latest(loser)["tags"], "closed_by_merge"]
            words = f"This request was closed and merged into request #{winner}."
            self.update(loser, t, agent, comment=words, status="closed", tags=tags)

    def close(self, number: int, t: float) -> None:
        """Closed by a rule, which counts as Zendesk itself."""
        log = self.logs["tickets"]
        if number not in log or t >= HORIZON:
            return
        log.change(number, t, status="closed", by_zendesk=True)
        change = {"event_type": "Change", "status": "closed", "previous_value": "solved"}
        self._event(number, t, ZENDESK_ITSELF, "Rule", [change])

    def scrub(self, number: int, t: float) -> None:
        """What a deleted ticket said is gone for good."""
        self.logs["tickets"].change(
            number, t, subject="SCRUBBED", raw_subject="SCRUBBED", description="SCRUBBED",
            tags=[], custom_fields=[], by_zendesk=True,
        )  # fmt: skip

    def chat(
        self,
        key: str,
        messages: list[Message],
        user: User,
        email: str | None,
        tag: str,
        ticket: int | None,
        rating: str | None,
        *,
        rated: float,
    ) -> None:
        """A chat with all that was said; without an answer, a message left behind."""
        start, end = messages[0][0], messages[-1][0]
        agents = sorted({agent for _, agent, _ in messages if agent is not None})
        names = [AGENT_NAMES[AGENTS.index(agent)] for agent in agents]
        visitor = user.human.full_name if email else f"Visitor {key[:8]}"
        first = next((t for t, agent, _ in messages if agent is not None), None)
        chat_id = f"{at(start):%y%m}.10042.{key}"
        history = [
            {
                "type": "chat.msg",
                "timestamp": stamp(t),
                "name": visitor if agent is None else names[agents.index(agent)],
                "msg": words,
            }
            for t, agent, words in messages
        ]
        said = {"history": history} if agents else {"message": messages[0][2]}
        row = {
            "id": chat_id,
            "type": "chat" if agents else "offline_msg",
            "timestamp": stamp(start),
            "visitor": {"id": f"10042.{key}", "name": visitor, "email": email or "", "phone": ""},
            "started_by": "visitor",
            "department_name": "Support",
            "agent_names": names,
            "count": {
                "visitor": sum(agent is None for _, agent, _ in messages),
                "agent": sum(agent is not None for _, agent, _ in messages),
            },
            "response_time": {"first": None if first is None else round((first - start) * 86_400)},
            "duration": round((end - start) * 86_400),
            "missed": not agents,
            "rating": None,
            "comment": None,
            "tags": [tag],
            "session": {"country_code": user.human.company.country, "ip": "192.0.2.7"},
            "zendesk_ticket_id": None,
            "deleted": False,
            **said,
        }
        self.logs["chats"].put(chat_id, end, row)
        if ticket is not None and ticket in self.logs["tickets"]:
            self.logs["chats"].change(chat_id, end + SECOND, zendesk_ticket_id=ticket)
        if rating is not None:
            self.logs["chats"].change(chat_id, rated, rating=rating)

    def _user(
        self,
        key: int,
        t: float,
        name: str,
        email: str,
        external_id: str | None,
        organization: int | None,
        role: str = "end-user",
    ) -> None:
        row = {
            "id": key,
            "url": f"{URL}/users/{key}.json",
            "name": name,
            "email": email,
            "external_id": external_id,
            "phone": None,
            "role": role,
            "organization_id": organization,
            "verified": True,
            "suspended": False,
            "active": True,
            "tags": [],
            "user_fields": {},
            "created_at": stamp(t),
        }
        self.logs["users"].put(key, t, row)

    def _organization(self, organization: Organization, t: float) -> int:
        key = ORGANIZATIONS_FROM + organization.id
        if key not in self.logs["organizations"]:
            domain = organization.company.domain
            row = {
                "id": key,
                "url": f"{URL}/organizations/{key}.json",
                "external_id": str(organization.id),
                "name": organization.name,
                "domain_names": [domain] if domain else [],
                "tags": [],
                "organization_fields": {},
                "created_at": stamp(t),
                "deleted_at": None,
            }
            self.logs["organizations"].put(key, t, row)
        return key

    def _comment(self, author: int, words: str) -> Row:
        return {
            "event_type": "Comment",
            "type": "Comment",
            "author_id": author,
            "body": words,
            "public": True,
            "attachments": [],
        }

    def _event(self, number: int, t: float, updater: int, via: str, children: list[Row]) -> None:
        if t >= HORIZON:
            return
        self._events += 1
        key = self._events
        self._events += len(children)
        numbered = [{"id": key + place, **child} for place, child in enumerate(children, start=1)]
        row = {
            "id": key,
            "ticket_id": number,
            "updater_id": updater,
            "via": via,
            "event_type": "Audit",
            "child_events": numbered,
        }
        self.logs["ticket_events"].put(key, t, row)
