"""The sheet of manual exclusions as people keep it: useful lines, and twelve kinds of dirt."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.company.agents import Workspace
from sandbox.company.companies import Company
from sandbox.company.crm import Crm
from sandbox.company.dice import Dice
from sandbox.company.timeline import DAYS, at

SHEET_NAME = "Exclusions"
HEADER = ["Key", "Reason", "Owner", "Expires on"]
OWNERS = ("dana@groupgrub.com", "Sales Ops", "lee@groupgrub.com")
EXPIRY_FORMATS = ("%Y-%m-%d", "%d/%m/%Y", "%B %d, %Y", "%d.%m.%Y", "%m/%d/%y")


@dataclass(frozen=True)
class Line:
    """One line; ``t`` is the day it was added, ``excludes`` whose workspaces it should exclude."""

    t: float
    cells: list[str]
    kind: str
    excludes: int | None


def simulate(
    companies: list[Company], workspaces: list[Workspace], crm: Crm, seed: int
) -> list[Line]:
    """All lines in the order of the sheet."""
    dice = Dice(seed, "sheet")
    first = {w.company.id: w for w in workspaces if w.is_first}
    lines = [*_planted(companies, first, crm, dice), *_dirt(companies, first, crm, dice)]
    order = dice.rng.permutation(len(lines)).tolist()
    shuffled = [lines[i] for i in order]
    return sorted(shuffled, key=lambda line: line.t >= DAYS)


def grid(lines: list[Line], until: float) -> list[list[str]]:
    """The sheet as of ``until`` days, ragged as the API delivers it, the header first."""
    return [HEADER, *(line.cells for line in lines if line.t < until)]


def _planted(
    companies: list[Company], first: dict[int, Workspace], crm: Crm, dice: Dice
) -> list[Line]:
    lines = []
    for company in companies:
        account = crm.account_of(company)
        if company.role == "sheet_workspace":
            key = str(first[company.id].id)
            key = dice.pick((key, f" {key}", f"{key}\u00a0", f"'{key}"))
        elif company.role == "sheet_account" and account:
            key = account if dice.chance(0.5) else account[:15]
        elif company.role == "sheet_domain":
            domain = str(company.domain)
            key = dice.pick((domain, domain.upper(), f"https://www.{domain}/", f"\u00a0{domain} "))
        else:
            continue
        expires = "" if dice.chance(0.5) else at(DAYS + 60).strftime("%Y-%m-%d")
        cells = [key, "Talking to them", dice.pick(OWNERS), expires]
        while cells and not cells[-1]:
            cells.pop()
        lines.append(Line(dice.between(1, DAYS - 1), cells, "planted", company.id))
    return lines


def _dirt(
    companies: list[Company], first: dict[int, Workspace], crm: Crm, dice: Dice
) -> list[Line]:
    """Lines that must exclude nothing, or cannot be read; each names its kind of dirt."""
    plain = [c for c in companies if c.role is None and c.kind == "customer" and c.domain]
    over = [c for c in companies if (c.role or "").startswith(("high_use", "some_use"))]
    known = [a for c in plain if (a := crm.account_of(c))]
    expired = [at(DAYS - 30).strftime(form) for form in EXPIRY_FORMATS]
    lines = [
        Line(3, [str(first[c.id].id), "Trial", "Sales Ops", text], "expired", None)
        for c, text in zip(over, expired, strict=False)
    ]
    customer = dice.pick([c for c in plain if c.signup is not None and c.id in first])
    rows: list[tuple[str, list[str]]] = [
        ("blank_line", []),
        ("blank_line", ["", "", ""]),
        ("missing_key", ["", "Asked by phone", "Sales Ops"]),
        ("not_available", ["#N/A", "lookup broke", "Sales Ops"]),
        ("unknown_number", ["99999999", "Old workspace", "Sales Ops"]),
        ("unknown_domain", ["nowhere-at-all-example.net", "Partner", "Sales Ops"]),
        ("free_mail_domain", ["gmail.com", "no private people", "Sales Ops"]),
        ("unknown_account", [known[0][:3] + "Zz9" + known[0][6:15], "?", "Sales Ops"]),
        ("lower_cased_account", [known[1].lower(), "copied from a URL", "Sales Ops"]),
        ("leading_zeros_lost", [known[2].lstrip("0"), "from a spreadsheet", "Sales Ops"]),
        ("free_text", ["Acme guys (ask Tom)", "", ""]),
        ("duplicate", [str(customer.domain), "Board member's firm", "lee@groupgrub.com"]),
        ("duplicate", [str(customer.domain).title(), "board", "Sales Ops"]),
        ("url", [f"https://www.{plain[-1].domain}/about?x=1", "Press", "Sales Ops", ""]),
    ]
    lines += [Line(dice.between(1, 200), cells, kind, None) for kind, cells in rows]
    late = plain[len(plain) // 2]
    lines.append(Line(DAYS + 0.4, [str(late.domain), "New deal", "Sales Ops"], "late", late.id))
    return lines
