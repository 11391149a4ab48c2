"""The domains of the company's accounts: what a source that is paid by the question is asked about.

They come from the warehouse, as other sources landed them: the domains that customers have proven
for their organizations, the websites of Salesforce accounts and the domains of HubSpot companies.
The warehouse is open for as long as one query takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from functools import cache
from urllib.parse import urlsplit

from publicsuffixlist import PublicSuffixList

from headwater.settings import Settings
from headwater.warehouse import connect

READS = (
    ("product", "organizations", "verified_domain"),
    ("salesforce", "account", "website"),
    ("hubspot", "companies", "domain"),
)
"""Source, stream and column of each list, the most important first."""


def account_domains(settings: Settings) -> list[str]:
    """The registrable domains of all accounts that live, each once: those of customers first, then
    of Salesforce accounts, then of HubSpot companies, each list in the order of the alphabet.

    Raises :class:`headwater.errors.WarehouseBusyError`.
    """
    lists = " union all ".join(
        f"select {place} as place, {column} as written from raw_{source}.{stream} "
        f"where {column} is not null and _deleted_at is null"
        for place, (source, stream, column) in enumerate(READS)
    )
    with connect(settings) as connection:
        written = connection.execute(
            f"select written, min(place) from ({lists}) group by written"
        ).fetchall()
    places: dict[str, int] = {}
    for text, place in written:
        domain = registrable_domain(host(text))
        if domain is not None:
            places[domain] = min(place, places.get(domain, place))
    return sorted(places, key=lambda domain: (places[domain], domain))


def host(text: str | None) -> str | None:
    """The host of an address as people type it, in lower case and ASCII; None where there is none.

    ``"HTTPS://www.Müller.de/x"`` is ``"www.xn--mller-kva.de"``.
    """
    bare = (text or "").strip()
    try:
        found = urlsplit(bare if "//" in bare else f"//{bare}").hostname
        ascii_ = (found or "").rstrip(".").encode("idna").decode("ascii")
    except (ValueError, UnicodeError):
        return None
    return ascii_.lower() if "." in ascii_ and " " not in ascii_ else None


def registrable_domain(host: str | None) -> str | None:
    """The domain that somebody registered, by the Public Suffix List; None for a bare suffix."""
    found: str | None = _public_suffixes().privatesuffix(host) if host else None
    return found


def domain_above(host: str | None, domains: Set[str]) -> str | None:
    """Which of ``domains`` the host is, or lies below."""
    return next((name for name in _above(host) if name in domains), None)


def _above(host: str | None) -> Iterable[str]:
    labels = (host or "").split(".")
    return (".".join(labels[start:]) for start in range(len(labels) - 1))


@cache
def _public_suffixes() -> PublicSuffixList:
    # Names under a suffix that the list does not know are no domains that anybody registered.
    return PublicSuffixList(accept_unknown=False)
