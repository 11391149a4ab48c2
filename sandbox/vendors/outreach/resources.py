"""The resources: their types, attributes, relationships and what can be filtered and sorted."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Resource:
    """One resource: ``plural`` is its path, ``type`` its name in documents."""

    plural: str
    type: str
    attributes: frozenset[str]
    relationships: dict[str, tuple[str, ...]]
    read_only: frozenset[str] = frozenset()
    lists: frozenset[str] = frozenset()
    filterable: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()
    writable: bool = True

    def sortable(self) -> frozenset[str]:
        """The attributes to sort by."""
        return self.filterable | {"createdAt", "updatedAt", "id"}


_STAMPS = frozenset({"createdAt", "updatedAt"})
_CUSTOM = frozenset(f"custom{number}" for number in range(1, 151))

PROSPECT = Resource(
    plural="prospects",
    type="prospect",
    attributes=_CUSTOM
    | _STAMPS
    | {
        "emails",
        "firstName",
        "lastName",
        "name",
        "title",
        "company",
        "externalId",
        "externalSource",
        "tags",
        "score",
        "optedOut",
        "emailOptedOut",
        "homePhones",
        "mobilePhones",
        "workPhones",
        "timeZone",
        "addressCountry",
        "linkedInUrl",
        "websiteUrl1",
        "occupation",
        "trashedAt",
    },
    relationships={"account": ("account",), "owner": ("user",), "stage": ("stage",)},
    read_only=_STAMPS | {"trashedAt", "name"},
    lists=frozenset({"emails", "tags", "homePhones", "mobilePhones", "workPhones"}),
    filterable=_STAMPS
    | {"emails", "firstName", "lastName", "title", "company", "externalId", "externalSource"},
)
ACCOUNT = Resource(
    plural="accounts",
    type="account",
    attributes=_CUSTOM
    | _STAMPS
    | {
        "name",
        "domain",
        "customId",
        "industry",
        "numberOfEmployees",
        "locality",
        "tags",
        "websiteUrl",
        "named",
    },
    relationships={"owner": ("user",)},
    read_only=_STAMPS,
    lists=frozenset({"tags"}),
    filterable=_STAMPS | {"name", "domain", "customId", "named"},
    required=frozenset({"name"}),
)
TASK = Resource(
    plural="tasks",
    type="task",
    attributes=_STAMPS
    | {
        "action",
        "dueAt",
        "note",
        "state",
        "taskType",
        "completedAt",
        "completed",
        "autoskipAt",
        "scheduledAt",
        "stateChangedAt",
    },
    relationships={
        "owner": ("user",),
        "subject": ("prospect", "account"),
        "prospect": ("prospect",),
        "account": ("account",),
    },
    read_only=_STAMPS | {"state", "taskType", "completedAt", "completed", "stateChangedAt"},
    filterable=_STAMPS | {"dueAt", "state", "taskType"},
    required=frozenset({"action", "dueAt"}),
)
USER = Resource(
    plural="users",
    type="user",
    attributes=_STAMPS | {"email", "firstName", "lastName", "name", "username", "locked"},
    relationships={},
    filterable=_STAMPS | {"email", "firstName", "lastName", "username", "locked"},
    writable=False,
)
SEQUENCE = Resource(
    plural="sequences",
    type="sequence",
    attributes=_STAMPS | {"name", "description", "enabled", "sequenceType", "shareType", "tags"},
    relationships={"owner": ("user",)},
    read_only=_STAMPS,
    lists=frozenset({"tags"}),
    filterable=_STAMPS | {"name", "enabled"},
    required=frozenset({"name"}),
)
MAILBOX = Resource(
    plural="mailboxes",
    type="mailbox",
    attributes=_STAMPS | {"email", "userId", "sendDisabled"},
    relationships={"user": ("user",)},
    read_only=_STAMPS,
    filterable=_STAMPS | {"email", "userId"},
    required=frozenset({"email"}),
)
SEQUENCE_STATE = Resource(
    plural="sequenceStates",
    type="sequenceState",
    attributes=_STAMPS | {"state", "activeAt", "stateChangedAt", "errorReason"},
    relationships={
        "prospect": ("prospect",),
        "sequence": ("sequence",),
        "mailbox": ("mailbox",),
        "account": ("account",),
    },
    read_only=_STAMPS | {"state", "activeAt", "stateChangedAt", "errorReason"},
    filterable=_STAMPS | {"state"},
)
MAILING = Resource(
    plural="mailings",
    type="mailing",
    attributes=_STAMPS
    | {
        "bouncedAt",
        "clickCount",
        "clickedAt",
        "deliveredAt",
        "mailingType",
        "openCount",
        "openedAt",
        "repliedAt",
        "scheduledAt",
        "state",
        "subject",
        "unsubscribedAt",
    },
    relationships={
        "mailbox": ("mailbox",),
        "prospect": ("prospect",),
        "sequence": ("sequence",),
        "sequenceState": ("sequenceState",),
        "task": ("task",),
    },
    filterable=_STAMPS | {"deliveredAt", "openedAt", "scheduledAt", "state"},
    writable=False,
)
BATCH = Resource(
    plural="batches",
    type="batch",
    attributes=_STAMPS
    | {"action", "state", "total", "pending", "failures", "summary", "finishedAt"},
    relationships={},
    filterable=_STAMPS | {"state"},
    writable=False,
)
BATCH_ITEM = Resource(
    plural="batchItems",
    type="batchItem",
    attributes=_STAMPS | {"batchId", "failed", "info", "state"},
    relationships={"batch": ("batch",)},
    filterable=_STAMPS | {"batchId", "failed", "state"},
    writable=False,
)
RESOURCES = {
    resource.plural: resource
    for resource in (
        PROSPECT,
        ACCOUNT,
        TASK,
        USER,
        SEQUENCE,
        MAILBOX,
        SEQUENCE_STATE,
        MAILING,
        BATCH,
        BATCH_ITEM,
    )
}
BY_TYPE = {resource.type: resource for resource in RESOURCES.values()}
