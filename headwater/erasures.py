"""Who was erased, kept so that they don't come back: digests, never an address; an id of a record
only as long as a vendor (or a person) has to delete it.

    <landing zone>/erasures/key.json        the salt (without a secret), and how to tell the key
                            00000001.json   one erasure: when, by whom, how many, the digests

A digest is the HMAC-SHA256 of ``type:value``. Its key is ``HEADWATER_ERASURE_SECRET``: whoever has
the files and not the secret cannot try addresses out. Without the setting a random salt is made
and kept beside them, which stops ready-made tables of digests and nothing more. The folder belongs
to the landing zone, because a replay of the zone is where the erased would come back.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, SecretStr

from headwater.durable_file import sync_folder, write_durably
from headwater.errors import SettingsError, SourceDataError
from headwater.settings import Settings, load
from headwater.vendor_deletions import Answer, VendorDeletion

FOLDER = "erasures"
KEY = "key.json"
_BLOCK = 64


class Erasure(BaseModel):
    """One erasure: its tombstone and its account, without personal data.

    ``identifiers`` counts the person's identifiers by type; ``steps`` holds, per step that is done,
    how many rows it removed from or changed in each place. ``finished_at`` is null while a step is
    still to be done. ``deletions`` are those of the person's records at vendors.
    """

    model_config = ConfigDict(frozen=True)

    erasure_id: str
    asked_at: datetime
    asked_by: str
    identifiers: dict[str, int]
    digests: tuple[str, ...]
    steps: dict[str, dict[str, int]] = {}
    finished_at: datetime | None = None
    deletions: tuple[VendorDeletion, ...] = ()

    @property
    def owed(self) -> tuple[VendorDeletion, ...]:
        """The deletions at vendors that are still to be done."""
        return tuple(deletion for deletion in self.deletions if deletion.owed)

    def with_answer(self, deletion: VendorDeletion, answer: Answer, at: datetime) -> Erasure:
        """The same with a vendor's answer for one of its ``deletions``."""
        answered = deletion.after(answer, at)
        return self.model_copy(
            update={"deletions": tuple(answered if d == deletion else d for d in self.deletions)}
        )


@dataclass(frozen=True)
class Digester:
    """Makes digests with one key; ``inner`` and ``outer`` are the two blocks of the HMAC, with
    which DuckDB makes the same digests (:mod:`headwater.erased_rows`)."""

    key: bytes = field(repr=False)

    @property
    def inner(self) -> bytes:
        """The block before the message."""
        return self._block(0x36)

    @property
    def outer(self) -> bytes:
        """The block before the inner digest."""
        return self._block(0x5C)

    def digest(self, node: str) -> str:
        """The digest of ``type:value``, as hex."""
        return hmac.new(self.key, node.encode(), "sha256").hexdigest()

    def _block(self, pad: int) -> bytes:
        key = self.key if len(self.key) <= _BLOCK else hashlib.sha256(self.key).digest()
        return bytes(byte ^ pad for byte in key.ljust(_BLOCK, b"\0"))


@dataclass(frozen=True)
class Tombstones:
    """The digests of everybody's identifiers who was erased, with the key they were made with."""

    digester: Digester
    digests: frozenset[str]

    def __bool__(self) -> bool:
        return bool(self.digests)

    def __contains__(self, node: object) -> bool:
        return isinstance(node, str) and self.digester.digest(node) in self.digests

    @classmethod
    def of(cls, nodes: Iterable[str]) -> Tombstones:
        """Tombstones that are kept nowhere: for looking at what an erasure would remove."""
        digester = Digester(secrets.token_bytes(32))
        return cls(digester, frozenset(map(digester.digest, nodes)))


def read_tombstones(zone: Path) -> Tombstones:
    """Everybody's who was erased from this landing zone.

    Raises :class:`SettingsError` when the secret is not the one that the digests were made with, or
    the key's file is missing: the erased would come back unnoticed.
    """
    found = erasures(zone)
    if not found:
        return Tombstones(Digester(b""), frozenset())
    digests = frozenset(digest for erasure in found for digest in erasure.digests)
    return Tombstones(_digester(zone), digests)


def erasures(zone: Path) -> list[Erasure]:
    """All erasures of a landing zone, oldest first.

    Raises :class:`SourceDataError` naming a file that cannot be read.
    """
    folder = zone / FOLDER
    if not folder.exists():
        return []
    return [_read(path) for path in sorted(folder.glob("*.json")) if path.name != KEY]


def _read(path: Path) -> Erasure:
    try:
        return Erasure.model_validate_json(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise SourceDataError(
            f"{path} cannot be read ({type(error).__name__}): nobody can tell who was erased.",
            next_step="Restore it from the copy of the landing zone.",
        ) from error


def write_erasure(zone: Path, erasure: Erasure) -> None:
    """Keep an erasure, durably; one of the same id is replaced."""
    folder = zone / FOLDER
    write_durably(folder / f"{erasure.erasure_id}.json", erasure.model_dump_json(indent=2) + "\n")
    sync_folder(folder)


def begin_erasure(
    zone: Path,
    nodes: Mapping[str, str],
    asked_at: datetime,
    asked_by: str,
    *,
    email: str,
    at_vendors: Iterable[tuple[str, str]] = (),
) -> Erasure:
    """Write the tombstone of a person, before anything of them is removed.

    ``nodes`` maps each identifier (``type:value``) to its type; ``at_vendors`` are those that name
    a record of a vendor, after the vendor's name. An erasure of the same ``email`` that was cut off
    goes on, with what it knew: the identity graph may be gone by now.
    """
    (zone / FOLDER).mkdir(parents=True, exist_ok=True)
    sync_folder(zone)
    digester = _digester(zone)
    asked = digester.digest(f"email:{email}")
    digests = {digester.digest(node) for node in nodes}
    deletions = [
        VendorDeletion(
            vendor=vendor, id_type=id_type, digest=digester.digest(node), record_id=named
        )
        for vendor, node in at_vendors
        for id_type, _, named in [node.partition(":")]
    ]
    earlier = erasures(zone)
    for open_one in earlier:
        if open_one.finished_at is None and asked in open_one.digests:
            known = set(open_one.digests)
            counts = dict(open_one.identifiers)
            for node, id_type in nodes.items():
                if digester.digest(node) not in known:
                    counts[id_type] = counts.get(id_type, 0) + 1
            erasure = open_one.model_copy(
                update={
                    "digests": tuple(sorted(known | digests)),
                    "identifiers": counts,
                    "deletions": _together(open_one.deletions, deletions),
                }
            )
            break
    else:
        types = list(nodes.values())
        erasure = Erasure(
            erasure_id=f"{max((int(one.erasure_id) for one in earlier), default=0) + 1:08d}",
            asked_at=asked_at,
            asked_by=asked_by,
            identifiers={name: types.count(name) for name in sorted(set(types))},
            digests=tuple(sorted(digests)),
            deletions=_together((), deletions),
        )
    write_erasure(zone, erasure)
    return erasure


def _together(
    known: Iterable[VendorDeletion], asked: Iterable[VendorDeletion]
) -> tuple[VendorDeletion, ...]:
    """All of them once, with what is known of each."""
    merged: dict[tuple[str, str], VendorDeletion] = {}
    for one in (*known, *asked):
        merged.setdefault((one.vendor, one.digest), one)
    return tuple(merged.values())


def _digester(zone: Path) -> Digester:
    """The key of this zone's digests: made when the first person is erased, and only then."""
    path = zone / FOLDER / KEY
    secret = load(Settings).erasure_secret
    if not path.exists():
        if erasures(zone):
            raise SettingsError(
                f"{path} is missing: nobody can tell who was erased, so nothing is landed.",
                next_step="Restore it from the copy of the landing zone.",
            )
        salt = None if secret else secrets.token_hex(32)
        made = Digester(_key(secret, salt))
        write_durably(path, json.dumps({"salt": salt, "check": made.digest("key")}) + "\n")
        sync_folder(path.parent)
    said = json.loads(path.read_text(encoding="utf-8"))
    digester = Digester(_key(secret, said["salt"]))
    if digester.digest("key") != said["check"]:
        raise SettingsError(
            f"HEADWATER_ERASURE_SECRET is not the secret with which {path.parent} was written.",
            next_step="Set it as it was: without it nobody can tell who was erased, so nothing is "
            "landed.",
        )
    return digester


def _key(secret: SecretStr | None, salt: str | None) -> bytes:
    if salt is not None:
        return bytes.fromhex(salt)
    return secret.get_secret_value().encode() if secret else b""
