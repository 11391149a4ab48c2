"""The support desk, as Zendesk has it: who asks, what becomes of it, and chats.

People ask in proportion to how active their workspace is, those who pay more often. A ticket is
answered, goes back and forth, is solved, and closed by a rule four days later; spam is deleted and
later scrubbed; a question that was asked twice is merged into the first one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.company.agents import Member, ProductLife, User, Workspace
from sandbox.company.dice import Dice
from sandbox.company.support_desk import AGENTS, Desk
from sandbox.company.support_topics import SPAM, TOPICS, Topic
from sandbox.company.timeline import HORIZON, MINUTE, SECOND

REQUESTS_PER_WORKSPACE = 0.3
OF_PAYING_ONES = 2.0
CHAT_SHARE = 0.25
MISSED_SHARE = 0.2
SPAM_SHARE = 0.02
MERGED_SHARE = 0.03
CLOSED_AFTER_DAYS = 4.0
SCRUBBED_AFTER_DAYS = 30.0


@dataclass(frozen=True)
class Request:
    """Somebody asks something at ``t`` days."""

    t: float
    workspace: Workspace
    user: User
    topic: Topic
    by_chat: bool


@dataclass
class Support:
    """The desk's records, and how to show them."""

    desk: Desk = field(default_factory=Desk)

    def records(self, start: float, end: float) -> dict[tuple[str, str], list[dict[str, object]]]:
        """What changed in [start, end) days, by (vendor, table)."""
        return {("zendesk", name): log.between(start, end) for name, log in self.desk.logs.items()}


def simulate(life: ProductLife, seed: int) -> Support:
    """All requests of all workspaces, in order."""
    dice, support = Dice(seed, "support"), Support()
    desk = support.desk
    desk.hire()
    for request in sorted(_requests(life, dice), key=lambda r: (r.t, r.user.id)):
        requester = desk.requester(request.user, request.workspace, request.t)
        if request.by_chat:
            _chat(request, requester, desk, dice)
        else:
            _ticket(request, requester, desk, dice)
        if len(request.user.human.addresses) > 1 and dice.chance(0.2):
            other = request.user.human.addresses[-1]
            desk.merge_user(request.user, other, request.t, request.t + dice.between(0.5, 6))
    for user in life.users:
        if user.deleted is not None and dice.chance(0.5):
            desk.delete_user(user, user.deleted + dice.between(0.1, 3))
    for organization in life.organizations:
        if dice.chance(0.01):
            desk.delete_organization(organization, organization.created + dice.between(60, 200))
    return support


def _requests(life: ProductLife, dice: Dice) -> list[Request]:
    members: dict[int, list[Member]] = {}
    for member in life.members:
        members.setdefault(member.workspace.id, []).append(member)
    found = []
    for workspace in life.workspaces:
        if workspace.is_test or workspace.company.kind == "internal":
            continue
        mean = REQUESTS_PER_WORKSPACE * min(2.0, workspace.activity)
        if workspace.conversion is not None:
            mean *= OF_PAYING_ONES
        for _ in range(int(dice.rng.poisson(mean))):
            member = dice.pick(members[workspace.id])
            ends = (member.left, member.user.deleted, workspace.deleted, HORIZON)
            end = min(t for t in ends if t is not None)
            t = dice.between(member.joined, end)
            if member.joined < t < HORIZON:
                by_chat = dice.chance(CHAT_SHARE)
                found.append(Request(t, workspace, member.user, _topic(dice), by_chat))
    return found


def _topic(dice: Dice) -> Topic:
    if dice.chance(SPAM_SHARE):
        return SPAM
    draw = dice.u() * sum(topic.weight for topic in TOPICS)
    for topic in TOPICS:
        draw -= topic.weight
        if draw < 0:
            return topic
    return TOPICS[-1]


def _ticket(request: Request, requester: int, desk: Desk, dice: Dice) -> None:
    topic, t = request.topic, request.t
    channel = dice.pick(("email", "email", "web", "web", "api"))
    number = desk.open_ticket(
        t, requester, request.workspace, topic.subject, topic.question, topic.priority,
        topic.tag, channel,
    )  # fmt: skip
    if topic is SPAM:
        deleted = t + dice.between(0.1, 2)
        desk.update(number, deleted, dice.pick(AGENTS), status="deleted")
        desk.scrub(number, deleted + SCRUBBED_AFTER_DAYS)
        return
    if dice.chance(MERGED_SHARE):
        again = t + dice.between(2, 40) * MINUTE
        twin = desk.open_ticket(
            again, requester, request.workspace, topic.subject, topic.question, topic.priority,
            topic.tag, channel,
        )  # fmt: skip
        desk.merge_ticket(twin, number, again + dice.between(0.05, 0.3), dice.pick(AGENTS))
    _converse(number, request, requester, desk, dice)


def _converse(number: int, request: Request, requester: int, desk: Desk, dice: Dice) -> None:
    agent = dice.pick(AGENTS)
    t = request.t + 0.35 + dice.exponential(0.25)
    goes_on = dice.chance(0.45)
    desk.update(
        number, t, agent, comment=request.topic.answer, assignee_id=agent,
        status="pending" if goes_on else "solved",
    )  # fmt: skip
    if goes_on:
        t += dice.exponential(0.8)
        desk.update(
            number, t, requester, comment="Thanks. It happened again today, though.", status="open"
        )
        t += 0.05 + dice.exponential(0.4)
        desk.update(
            number, t, agent, comment="That should be settled now. Tell us if not.",
            status="solved",
        )  # fmt: skip
    if dice.chance(0.3):
        score = "good" if dice.chance(0.85) else "bad"
        desk.update(
            number, t + dice.between(0.1, 3), requester, satisfaction_rating={"score": score}
        )
    desk.close(number, t + CLOSED_AFTER_DAYS)


def _chat(request: Request, requester: int, desk: Desk, dice: Dice) -> None:
    topic, t = request.topic, request.t
    missed = dice.chance(MISSED_SHARE)
    agent = None if missed else dice.pick(AGENTS)
    messages = [(t, None, topic.question)]
    if agent is not None:
        wait = dice.between(10, 300) * SECOND
        messages.append((t + wait, agent, topic.answer or "Hello, how can I help?"))
        messages.append((t + wait + dice.between(20, 200) * SECOND, None, "Great, thank you!"))
    email = None if dice.chance(0.25) else request.user.email
    ticket = None
    if missed or dice.chance(0.2):
        later = messages[-1][0] + 5 * MINUTE
        ticket = desk.open_ticket(
            later, requester, request.workspace, topic.subject, topic.question, topic.priority,
            topic.tag, "chat",
        )  # fmt: skip
        _converse(
            ticket, Request(later, request.workspace, request.user, topic, False), requester,
            desk, dice,
        )  # fmt: skip
    rating = None
    if agent is not None and dice.chance(0.4):
        rating = "good" if dice.chance(0.9) else "bad"
    desk.chat(
        dice.hex(12), messages, request.user, email, topic.tag, ticket, rating,
        rated=messages[-1][0] + dice.between(1, 30) * MINUTE,
    )  # fmt: skip
