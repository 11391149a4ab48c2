"""Which apps are asked about: those of publishers whose home page is a domain of an account."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import pyarrow as pa

from connectors.account_domains import account_domains, domain_above, host
from headwater.settings import Settings
from headwater.warehouse import connect


class App(NamedTuple):
    """An app in a store."""

    store: str
    id: str


@dataclass
class Watched:
    """The apps of publishers as landed, and as this run has read them in the directory."""

    settings: Settings
    seen: set[App] = field(default_factory=set)

    @cached_property
    def domains(self) -> frozenset[str]:
        """The accounts' domains, asked for once a run."""
        return frozenset(account_domains(self.settings))

    def note(self, store: str, publishers: Iterable[Mapping[str, Any]]) -> None:
        """Remember the apps of those publishers that are accounts'."""
        for publisher in publishers:
            website, ids = publisher.get("website_url"), publisher.get("app_ids")
            if not isinstance(website, str) or not isinstance(ids, list):
                continue  # its contract says what is wrong with it
            if domain_above(host(website), self.domains):
                self.seen.update(App(store, str(id_)) for id_ in ids)

    def apps(self) -> list[App]:
        """All apps to ask about, sorted."""
        with connect(self.settings) as connection:
            domains = pa.table({"domain": pa.array(sorted(self.domains), pa.string())})
            connection.register("account_domains", domains)
            landed = connection.execute(
                """
                with hosts as (
                    select
                        store,
                        cast(app_ids as varchar[]) as app_ids,
                        string_split(
                            lower(regexp_extract(website_url, '^(?:[a-z]+://)?([^/?#:]+)', 1, 'i')),
                            '.'
                        ) as labels
                    from raw_app_intelligence.publishers
                    where website_url is not null and app_ids is not null and _deleted_at is null
                ),
                parents as (
                    select store, app_ids, unnest(range(1, len(labels))) as skipped, labels
                    from hosts
                )
                select distinct store, unnest(app_ids)
                from parents
                inner join account_domains
                    on account_domains.domain = array_to_string(labels[skipped:], '.')
                """
            ).fetchall()
            connection.unregister("account_domains")
        return sorted({App(store, id_) for store, id_ in landed} | self.seen)

    def living(self) -> set[App]:
        """The apps that have landed and are not known to be gone."""
        return self._landed(
            "select store, id from raw_app_intelligence.apps", "_deleted_at is null"
        )

    def estimated(self, country: str) -> set[App]:
        """The apps with estimates of a country."""
        return self._landed(
            "select distinct store, app_id from raw_app_intelligence.estimates",
            "country = ?",
            country,
        )

    def _landed(self, select: str, where: str, *parameters: str) -> set[App]:
        with connect(self.settings) as connection:
            found = connection.execute(f"{select} where {where}", parameters).fetchall()
        return {App(store, id_) for store, id_ in found}
