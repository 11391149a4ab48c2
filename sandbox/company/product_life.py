"""How companies come to the product: visits, sign-ups, invitations, workspaces, devices."""

from __future__ import annotations

from sandbox.company import conversion
from sandbox.company.agents import (
    Action,
    FormFill,
    Invite,
    Member,
    Organization,
    ProductLife,
    User,
    Workspace,
)
from sandbox.company.companies import Company
from sandbox.company.dice import Dice
from sandbox.company.names import LEGAL_FORMS, OFFICES
from sandbox.company.people import Device, Human, Population
from sandbox.company.timeline import HORIZON, MINUTE

LARGEST_SELF_SERVE = 13
"""Members beyond which a workspace is sold by sales: people alone outgrow no small plan."""

BROKEN_DEVICE_IDS = (
    "00000000-0000-0000-0000-000000000000",
    "9774d56d682e549c",
    "undefined",
)
"""Device ids that a broken release of the app sent, the same for many people."""

UTM_CHOICES = (
    (None, None, None),
    ("google", "cpc", "brand"),
    ("linkedin", "paid_social", "feeding-hybrid-teams"),
    ("newsletter", "email", "spring"),
    ("partner", "referral", "office-managers"),
)


class ProductSimulation:
    """Lets each company live in the product; ``life`` collects what happened."""

    def __init__(self, companies: list[Company], people: Population, seed: int) -> None:
        self._companies = companies
        self._people = people
        self._dice = Dice(seed, "product")
        self._moments = Dice(seed, "moments")
        self._agencies = [c for c in companies if c.kind == "agency"]
        self.life = ProductLife()

    def run(self) -> ProductLife:
        """Simulate all companies and give out the product's ids in order of creation."""
        for company in self._companies:
            if company.signup is not None:
                self._company(company)
            if company.surge is not None:
                self._surge(company)
        _number(self.life)
        return self.life

    def _company(self, company: Company) -> None:
        dice = self._dice
        assert company.signup is not None
        creator = self._sign_up(self._people.human(company), company.signup, None)
        first = self._organization(company, creator, company.signup + 3 * MINUTE)
        members = company.members
        count = 1
        if company.role is None and members > 10:
            count = min(5, 1 + members // dice.integer(9, 16))
        share = [members] if count == 1 else [max(3, members // count)] * count
        workspace = self._workspace(first, share[0], company.signup + 5 * MINUTE, first=True)
        self._fill(workspace, share[0])
        for index in range(1, count):
            opened = company.signup + 8 + dice.between(0, 30) * index
            organization = first
            if dice.chance(0.12):
                other = self._sign_up(self._people.human(company), opened, None)
                organization = self._organization(company, other, opened + 3 * MINUTE)
            later = self._workspace(organization, share[index], opened + 5 * MINUTE, first=False)
            self._fill(later, share[index])
        if company.kind == "internal":
            self._tests(first)

    def _surge(self, company: Company) -> None:
        for _ in range(self._dice.integer(5, 8)):
            t = company.surge + self._dice.between(0.4, 4.8)  # type: ignore[operator]
            person = self._sign_up(self._people.human(company), t, None)
            organization = self._organization(company, person, t + 3 * MINUTE)
            self._workspace(organization, 1, t + 5 * MINUTE, first=False)

    def _tests(self, organization: Organization) -> None:
        for number in range(3):
            workspace = self._workspace(organization, 1, 2.0 + number, first=False)
            workspace.is_test = True
            workspace.name = f"e2e test {number + 1}"

    def _sign_up(self, human: Human, t: float, inviter_workspace: Workspace | None) -> User:
        """The human's user account, with the visits before it and the devices after it."""
        dice, life, people = self._dice, self.life, self._people
        device = people.device(human, t - 10)
        staff = human.company.kind == "internal"
        email = human.addresses[0]
        if human.company.domain and not staff and dice.chance(0.07):
            email = people.home_address(human)
            human.addresses.append(email)
        forced = human.company.role is not None
        user = User(
            human=human,
            email=people.typed(human, email),
            created=t,
            device=device,
            sends_device=dice.chance(0.9),
            marketing_consent=human.company.role != "no_consent" and (forced or dice.chance(0.68)),
            sales_consent=dice.chance(0.75),
            is_staff=staff,
            invited=inviter_workspace is not None,
        )
        life.users.append(user)
        self._visits(human, device, t, invited=user.invited)
        life.actions.append(
            Action("Signed Up", t, device, user, inviter_workspace, "https://groupgrub.com/signup")
        )
        life.actions.append(Action("Logged In", t + MINUTE, device, user))
        self._more_devices(user)
        if not staff and not forced and dice.chance(0.015):
            user.deleted = t + 5 + dice.exponential(40)
        return user

    def _visits(self, human: Human, device: Device, t: float, *, invited: bool) -> None:
        dice, actions = self._dice, self.life.actions
        utm = 0 if invited or dice.chance(0.5) else dice.integer(1, len(UTM_CHOICES) - 1)
        pages = 1 if invited else dice.integer(1, 5)
        for number in range(pages):
            seen = t - 8 * MINUTE if number == 0 else t - dice.between(0.01, 9)
            event = "Page Viewed" if dice.chance(0.8) else "Pricing Viewed"
            page = "pricing" if event == "Pricing Viewed" else dice.pick(("", "product", "blog"))
            actions.append(
                Action(event, seen, device, url=f"https://groupgrub.com/{page}", utm=utm)
            )
        if invited or human.company.kind == "internal":
            return
        draw = dice.u()
        if draw < 0.15:
            kind = "newsletter" if draw < 0.08 else "demo"
            address = self._people.typed(human, human.addresses[0])
            self._fill_form(human, kind, address, device, t - dice.between(0.05, 9), utm)

    def _fill_form(
        self, human: Human, kind: str, email: str, device: Device, t: float, utm: int
    ) -> None:
        self.life.forms.append(FormFill(human, kind, email, device, t))
        self.life.actions.append(
            Action(
                "Newsletter Subscribed",
                t,
                device,
                url=f"https://groupgrub.com/{kind}",
                utm=utm,
                email=email,
            )
        )

    def _more_devices(self, user: User) -> None:
        dice, actions = self._dice, self.life.actions
        t = user.created
        while dice.chance(0.3) and len(user.human.devices) < 3:
            t += dice.between(0.5, 30)
            device = self._people.device(user.human, t)
            actions.append(Action("Page Viewed", t, device, url="https://groupgrub.com/login"))
            if dice.chance(0.97):
                actions.append(Action("Logged In", t + 2 * MINUTE, device, user))
        if dice.chance(0.012):
            broken = Device(dice.pick(BROKEN_DEVICE_IDS), "android", t)
            actions.append(Action("Logged In", t + 1, broken, user))

    def _organization(self, company: Company, creator: User, t: float) -> Organization:
        dice = self._dice
        legal = dice.pick(LEGAL_FORMS[company.country]) if dice.chance(0.3) else ""
        organization = Organization(
            company=company,
            name=company.name + legal if company.domain else f"{creator.human.first_name}'s team",
            creator=creator,
            created=t,
            verified_domain=company.domain if company.domain and dice.chance(0.14) else None,
            billing_email=None,
        )
        if company.domain and dice.chance(0.35):
            organization.billing_email = (
                f"{dice.pick(('billing', 'ap', 'finance'))}@{company.domain}"
            )
        self.life.organizations.append(organization)
        return organization

    def _workspace(
        self, organization: Organization, members: int, t: float, *, first: bool
    ) -> Workspace:
        company, creator = organization.company, organization.creator
        dice = self._moments
        large = members > LARGEST_SELF_SERVE
        workspace = Workspace(
            organization=organization,
            name=self._dice.pick(OFFICES),
            motion="sales_assisted"
            if large or dice.chance(0.04 * (not company.role))
            else "self_serve",
            creator=creator,
            created=t,
            activity=min(4.0, dice.lognormal(1.0, 0.55)),
            is_first=first,
            role=company.role if first else None,
        )
        self.life.workspaces.append(workspace)
        self.life.members.append(Member(workspace, creator, "admin", None, t))
        self.life.actions.append(Action("Workspace Created", t, creator.device, creator, workspace))
        conversion.live(workspace, dice, self.life.actions)
        return workspace

    def _fill(self, workspace: Workspace, members: int) -> None:
        """Invite and let join: colleagues mostly, sometimes agency staff; some never come."""
        dice, company = self._dice, workspace.company
        wave = company.invite_wave if workspace.is_first else None
        for number in range(members - 1):
            joined = workspace.created + 0.02 + dice.exponential(28)
            if wave is not None and number < 10:
                joined = max(wave, workspace.created) + dice.between(0.05, 0.9)
            if joined >= HORIZON:
                continue
            self._join(workspace, joined)
        for _ in range(round((members - 1) * 0.3 * dice.u() * 2)):
            sent = workspace.created + 0.02 + dice.exponential(30)
            if sent < HORIZON and company.domain:
                stranger = self._people.human(company)
                self._invite(workspace, stranger.addresses[0], sent)
        if self._agencies and company.domain and not company.role and dice.chance(0.05):
            joined = workspace.created + dice.between(5, 60)
            if joined < HORIZON:
                self._join(workspace, joined, employer=dice.pick(self._agencies))

    def _invite(self, workspace: Workspace, email: str, sent: float) -> Invite:
        invite = Invite(workspace, workspace.creator, email, sent)
        self.life.invites.append(invite)
        creator = workspace.creator
        self.life.actions.append(Action("Invite Sent", sent, creator.device, creator, workspace))
        return invite

    def _join(
        self, workspace: Workspace, joined: float, *, employer: Company | None = None
    ) -> None:
        dice, life = self._dice, self.life
        human = self._people.human(employer or workspace.company)
        inviter = None
        invite = None
        if employer or workspace.company.domain is None or dice.chance(0.82):
            inviter = workspace.creator
            sent = max(workspace.created + MINUTE, joined - dice.exponential(0.7))
            address = human.addresses[0]
            invite = self._invite(
                workspace, address.upper() if dice.chance(0.03) else address, sent
            )
        user = self._sign_up(human, joined, workspace if invite else None)
        if employer:
            user.email = human.addresses[0]
        draw = dice.u()
        role = "admin" if draw < 0.08 else "organiser" if draw < 0.3 else "member"
        if employer:
            role = "guest"
        if workspace.role == "no_consent":
            user.marketing_consent = False
        left = None
        if dice.chance(0.05):
            left = joined + 6 + dice.exponential(60)
        life.members.append(Member(workspace, user, role, inviter, joined + 2 * MINUTE, left))
        if invite:
            invite.accepted, invite.accepted_by = joined + 2 * MINUTE, user
            life.actions.append(
                Action("Invite Accepted", joined + 2 * MINUTE, user.device, user, workspace)
            )


def share_devices(life: ProductLife, seed: int) -> None:
    """Put a shared tablet into some workspaces: several members log in on the same device."""
    dice = Dice(seed, "kiosks")
    by_workspace: dict[int, list[Member]] = {}
    for member in life.members:
        by_workspace.setdefault(member.workspace.id, []).append(member)
    for members in by_workspace.values():
        if len(members) < 4 or not dice.chance(0.07):
            continue
        start = max(member.joined for member in members[:4]) + 1
        kiosk = Device(dice.uuid(), "ios", start)
        life.kiosks.append(kiosk)
        for member in members[:4]:
            t = start + dice.between(0, 20)
            for _ in range(dice.integer(1, 3)):
                if t < min(member.left or HORIZON, HORIZON):
                    life.actions.append(
                        Action("Logged In", t, kiosk, member.user, member.workspace)
                    )
                t += dice.between(0.2, 15)


def _number(life: ProductLife) -> None:
    """Give out serial ids in the order of creation, ties by place in the simulation."""
    life.users = _numbered([u for u in life.users if u.created < HORIZON], "created", 1000)
    life.organizations = _numbered(life.organizations, "created", 100)
    life.workspaces = _numbered(life.workspaces, "created", 500)
    life.members = _numbered(life.members, "joined", 5000)
    life.invites = _numbered(life.invites, "sent", 300)
    life.organizations = [o for o in life.organizations if o.created < HORIZON]
    life.workspaces = [w for w in life.workspaces if w.created < HORIZON]
    life.members = [m for m in life.members if m.joined < HORIZON]


def _numbered(items: list, field: str, first: int) -> list:  # type: ignore[type-arg]
    ordered = sorted(items, key=lambda item: getattr(item, field))
    for number, item in enumerate(ordered, start=first + 1):
        item.id = number
    return ordered
