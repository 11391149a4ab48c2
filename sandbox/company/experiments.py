"""The planted experiments: assignment by md5 bucket, as the product would do it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from sandbox.company.agents import Workspace


@dataclass(frozen=True)
class Experiment:
    """``effect`` multiplies the late chance to convert in the treatment arm (1.0 is an A/A)."""

    id: str
    salt: str
    effect: float


PAYWALL_COPY = Experiment("paywall_copy", "paywall-copy-2025", 1.4)
AA_TEST = Experiment("aa_paywall", "aa-paywall-2025", 1.0)
EXPERIMENTS = (PAYWALL_COPY, AA_TEST)


def bucket(salt: str, key: str) -> float:
    """Uniform on [0, 1), bit-equal to the warehouse's macro: 52 bits of md5 of ``salt:key``."""
    digest = hashlib.md5(f"{salt}:{key}".encode(), usedforsecurity=False).hexdigest()
    return int(digest[:13], 16) / 2**52


def unit(workspace: Workspace) -> str:
    """What is randomised: the workspace, by its creator's address, known before it has an id."""
    return workspace.creator.email.lower()


def arm(experiment: Experiment, workspace: Workspace) -> int:
    """1 for treatment, 0 for control."""
    return int(bucket(experiment.salt, unit(workspace)) < 0.5)
