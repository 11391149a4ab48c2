"""What agents make in the product: users, organizations, workspaces, memberships, invites."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.company.companies import Company
from sandbox.company.people import Device, Human


@dataclass(eq=False)
class User:
    """A user account; ``signup_device`` is None if the sign-up carried no device id."""

    human: Human
    email: str
    created: float
    device: Device
    sends_device: bool
    marketing_consent: bool
    sales_consent: bool
    is_staff: bool = False
    invited: bool = False
    deleted: float | None = None
    id: int = 0


@dataclass(eq=False)
class Organization:
    """A customer organization of ``company``."""

    company: Company
    name: str
    creator: User
    created: float
    verified_domain: str | None
    billing_email: str | None
    deleted: float | None = None
    id: int = 0


@dataclass(eq=False)
class Stretch:
    """A workspace's time on one plan."""

    plan: str
    start: float
    end: float | None
    status: str
    mrr_cents: int
    id: int = 0


@dataclass(eq=False)
class Workspace:
    """A workspace; ``conversion`` is when it first paid, with the hazard multiplier it had."""

    organization: Organization
    name: str
    motion: str
    creator: User
    created: float
    activity: float
    is_test: bool = False
    is_first: bool = False
    role: str | None = None
    shares_soon: bool = False
    connects_soon: bool = False
    multiplier: float = 1.0
    conversion: float | None = None
    deleted: float | None = None
    stretches: list[Stretch] = field(default_factory=list)
    id: int = 0

    @property
    def company(self) -> Company:
        """Whose workspace it is."""
        return self.organization.company


@dataclass(eq=False)
class Member:
    """A user's membership in a workspace."""

    workspace: Workspace
    user: User
    role: str
    inviter: User | None
    joined: float
    left: float | None = None
    id: int = 0


@dataclass(eq=False)
class Invite:
    """An invitation; ``accepted_by`` is None while nobody took it."""

    workspace: Workspace
    inviter: User
    email: str
    sent: float
    accepted: float | None = None
    accepted_by: User | None = None
    id: int = 0


@dataclass(eq=False)
class FormFill:
    """A newsletter or demo form that a human filled before (or instead of) signing up."""

    human: Human
    kind: str
    email: str
    device: Device
    t: float


@dataclass(eq=False)
class Action:
    """One lifecycle event of the clickstream; ``user`` is None before sign-in."""

    event: str
    t: float
    device: Device
    user: User | None = None
    workspace: Workspace | None = None
    url: str | None = None
    utm: int = 0
    email: str | None = None


@dataclass
class ProductLife:
    """Everything that happened in the product, in no particular order."""

    users: list[User] = field(default_factory=list)
    organizations: list[Organization] = field(default_factory=list)
    workspaces: list[Workspace] = field(default_factory=list)
    members: list[Member] = field(default_factory=list)
    invites: list[Invite] = field(default_factory=list)
    forms: list[FormFill] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    kiosks: list[Device] = field(default_factory=list)
