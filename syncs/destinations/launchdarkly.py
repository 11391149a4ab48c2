"""LaunchDarkly: membership of a segment, by semantic patches of up to 1,500 targets.

A target list is a set, so adding a member twice and removing one that is gone change nothing.
Members that others added are never touched.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from headwater.errors import VendorRejectedError, VendorUnavailableError
from headwater.http import ApiSession
from headwater.settings import Settings, load
from headwater.system_settings import LaunchDarklySettings
from syncs.definition import Definition, Mode, Removal
from syncs.destination import (
    Batch,
    Capabilities,
    Counts,
    Operation,
    Outcome,
    RowResult,
)

TARGETS = 1500
SEMANTIC_PATCH = "application/json; domain-model=launchdarkly.semanticpatch"
CONFLICT = 409
NOT_FOUND = 404


def connect(definition: Definition, settings: Settings) -> LaunchDarklyDestination:
    """The destination of a definition."""
    return LaunchDarklyDestination(definition, settings)


class LaunchDarklyDestination:
    """One segment of one environment; ``object`` is its key, keys are contexts of one kind."""

    name = "launchdarkly"
    capabilities = Capabilities(
        frozenset({Mode.MIRROR}),
        frozenset({Removal.REMOVE_MEMBER}),
        separate_operations=False,
    )

    def __init__(self, definition: Definition, settings: Settings) -> None:
        account = load(LaunchDarklySettings)
        token = account.access_token
        self._session = ApiSession(
            "LaunchDarkly",
            str(account.base_url),
            settings,
            source="to launchdarkly",
            token=lambda _renew: token.get_secret_value(),  # no scheme word
        )
        self._session.headers["LD-API-Version"] = "20240415"
        self._segment = definition.object
        self._description = definition.description
        self._kind = str(definition.options.get("context_kind", "user"))
        self._environment = account.environment_key
        self._segments = f"/api/v2/segments/{account.project_key}/{account.environment_key}"

    @property
    def calls(self) -> int:
        """API calls made so far."""
        return self._session.calls

    def check(self) -> None:
        """See that the token reads the segment; one that is missing is made by the delivery."""
        self._exists()

    def batch_rows(self, rows: int) -> int:
        """1,500 target operations a patch, adds and removals together."""
        return TARGETS

    def least_calls(self, counts: Counts) -> int:
        """``ceil(changes / 1,500)``."""
        return -(-counts.total // TARGETS)

    def deliver(self, batch: Batch, remember: Callable[[str], None]) -> Sequence[RowResult]:
        """One patch for adds and removals."""
        instructions = []
        for kind, wanted in (
            ("addIncludedTargets", {Operation.CREATE, Operation.UPDATE}),
            ("removeIncludedTargets", {Operation.REMOVE}),
        ):
            keys = [change.key for change in batch.changes if change.operation in wanted]
            if keys:
                instructions.append({"kind": kind, "contextKind": self._kind, "values": keys})
        body = {
            "environmentKey": self._environment,
            "comment": f"Headwater {batch.batch_id}",
            "instructions": instructions,
        }
        try:
            self._patch(body)
        except VendorRejectedError as error:
            if error.status != NOT_FOUND:
                raise
            self._create()
            self._patch(body)
        return [RowResult(change.key, Outcome.DELIVERED, change.key) for change in batch.changes]

    def resolve(self, batch: Batch) -> Sequence[RowResult]:
        """Send it again: a target list is a set."""
        return self.deliver(batch, lambda _handle: None)

    def _patch(self, body: Mapping[str, object]) -> None:
        answer = self._session.call(
            "PATCH",
            f"{self._segments}/{self._segment}",
            idempotent=True,
            accept=(CONFLICT,),
            headers={"Content-Type": SEMANTIC_PATCH},
            json=body,
        )
        if answer.status_code == CONFLICT:
            raise VendorUnavailableError(
                f"LaunchDarkly segment {self._segment} is being changed by somebody else."
            )

    def _exists(self) -> bool:
        path = f"{self._segments}/{self._segment}"
        return self._session.call("GET", path, accept=(NOT_FOUND,)).ok

    def _create(self) -> None:
        self._session.call(
            "POST",
            self._segments,
            accept=(CONFLICT,),  # somebody was faster
            json={
                "key": self._segment,
                "name": self._segment,
                "description": self._description.strip(),
                "tags": ["headwater"],
            },
        )
