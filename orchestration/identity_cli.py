"""``headwater identity``: why two identifiers are one person, or why they are not."""

from __future__ import annotations

import dataclasses
import json
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.tree import Tree

from headwater.identity_explanation import Explanation, Identifier, Link, explain, find, person
from headwater.settings import Settings, load
from headwater.warehouse import connect

app = typer.Typer(no_args_is_help=True)


@app.callback()
def main() -> None:
    """Who is who, and why."""


@app.command("explain")
def explain_command(
    identifier: Annotated[str, typer.Argument(help="type:value, or a value of one type only.")],
    other: Annotated[str | None, typer.Argument(help="The whole person if none.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a tree.")] = False,
    mermaid: Annotated[
        bool, typer.Option("--mermaid", help="Print a picture as Mermaid text instead of a tree.")
    ] = False,
) -> None:
    """Show the links between two identifiers with their reasons, or the guard between them. Exit
    code 0 one person, 2 not one."""
    with connect(load(Settings), read_only=True) as connection:
        one = find(connection, identifier)
        found = None if other is None else explain(connection, one, find(connection, other))
        links = person(connection, one) if found is None else found.path
    if as_json:
        typer.echo(json.dumps(_plain(one, found, links), indent=2, default=str))
    elif mermaid:
        typer.echo(_picture(one, links))
    else:
        width = None if sys.stdout.isatty() else 120
        Console(width=width, highlight=False, markup=False).print(_tree(one, found, links))
    if found is not None and not found.is_one_person:
        raise typer.Exit(2)


def _plain(
    one: Identifier, found: Explanation | None, links: tuple[Link, ...]
) -> dict[str, object]:
    ends: dict[str, object] = {"one": str(one), "person_key": one.person_key}
    if found is not None:
        ends |= {
            "other": str(found.other),
            "other_person_key": found.other.person_key,
            "is_one_person": found.is_one_person,
        }
    return {**ends, "links": [dataclasses.asdict(link) for link in links]}


def _tree(one: Identifier, found: Explanation | None, links: tuple[Link, ...]) -> Tree:
    tree = Tree(f"{one}, {_whose(one)}{_verdict(found, links)}")
    branches = {str(one): tree}
    for link in links:
        branches[link.other] = branches[link.one].add(f"{link.other}\n{_reason(link)}")
    return tree


def _whose(identifier: Identifier) -> str:
    return f"person {identifier.person_key}" if identifier.person_key else "of no person"


def _verdict(found: Explanation | None, links: tuple[Link, ...]) -> str:
    if found is None:
        return ""
    verdict = f"\nand {found.other}, {_whose(found.other)}: "
    if found.is_one_person:
        return f"{verdict}one person"
    if not links:
        return f"{verdict}not one; no evidence connects them"
    guards = sorted({link.guard for link in links if link.guard})
    return f"{verdict}not one; stopped by {', '.join(guards)}"


def _reason(link: Link) -> str:
    seen = f"{link.first_seen_at:%Y-%m-%d} to {link.last_seen_at:%Y-%m-%d}" if (
        link.first_seen_at and link.last_seen_at
    ) else "never dated"  # fmt: skip
    told = f"{link.reading} ({link.rule_id}, {link.strength:g}; {link.source_record}; {seen})"
    if link.guard is None:
        return told
    about = f" of {link.blamed}" if link.blamed else ""
    return f"{told}\nCUT by {link.guard}{about}"


def _picture(one: Identifier, links: tuple[Link, ...]) -> str:
    """A flowchart in Mermaid's language; a dotted line joins nobody."""
    names = {str(one): "n0"}
    for link in links:
        names.setdefault(link.other, f"n{len(names)}")
    lines = ["flowchart LR"]
    lines += [
        f'    {number}["{name.replace(chr(34), "#quot;")}"]' for name, number in names.items()
    ]
    for link in links:
        line = "---" if link.guard is None else "-.-"
        told = link.rule_id if link.guard is None else f"{link.rule_id}, cut by {link.guard}"
        lines.append(f'    {names[link.one]} {line}|"{told}"| {names[link.other]}')
    return "\n".join(lines)
