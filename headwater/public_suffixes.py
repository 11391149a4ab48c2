"""Writes the dbt seed of the Public Suffix List from the pinned package publicsuffixlist.

``python -m headwater.public_suffixes dbt_project/seeds/domains/public_suffixes.csv`` writes one row
per rule: suffix (without its mark; in Unicode and, where that differs, in punycode too), rule
(``normal``, ``wildcard`` for ``*.suffix``, ``exception`` for ``!suffix``) and section (``icann``,
``private``). The list is Mozilla's, under MPL 2.0, see https://publicsuffix.org.
"""

from __future__ import annotations

import csv
import importlib.resources
import sys
from io import StringIO
from pathlib import Path

HEADER = ("suffix", "rule", "section")


def seed() -> str:
    """The seed's text as CSV, sorted by suffix and rule."""
    rows: set[tuple[str, str, str]] = set()
    section = "icann"
    source = importlib.resources.files("publicsuffixlist") / "public_suffix_list.dat"
    for line in source.read_text(encoding="utf-8").splitlines():
        if "===BEGIN PRIVATE DOMAINS===" in line:
            section = "private"
        text = line.split(maxsplit=1)[0] if line.strip() else ""
        if not text or text.startswith("//"):
            continue
        rule = "wildcard" if text.startswith("*.") else "normal"
        if text.startswith("!"):
            rule = "exception"
        suffix = text.removeprefix("*.").removeprefix("!")
        rows.add((suffix, rule, section))
        rows.add((_punycode(suffix), rule, section))
    buffer = StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(sorted(rows))
    return buffer.getvalue()


def _punycode(suffix: str) -> str:
    return ".".join(
        label if label.isascii() else "xn--" + label.encode("punycode").decode()
        for label in suffix.split(".")
    )


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(seed(), encoding="utf-8")
