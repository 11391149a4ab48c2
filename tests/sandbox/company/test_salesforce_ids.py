"""Salesforce's checksum, against pairs known from the field."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.company.salesforce_ids import PREFIXES, checksum, record_id


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("001A0000006Vm9u", "001A0000006Vm9uIAC"),
        ("0014000000IVRgX", "0014000000IVRgXAAX"),
        ("00530000003xqAb", "00530000003xqAbAAI"),
    ],
)
def test_known_pairs(short: str, long: str) -> None:
    assert short + checksum(short) == long


@given(st.sampled_from(sorted(PREFIXES)), st.integers(min_value=0, max_value=62**8))
def test_ids_have_prefix_length_and_checksum(sobject: str, number: int) -> None:
    key = record_id(sobject, number)
    assert len(key) == 18
    assert key.startswith(PREFIXES[sobject])
    assert key[15:] == checksum(key[:15])


@given(st.lists(st.integers(min_value=0, max_value=62**8), unique=True, min_size=2, max_size=50))
def test_ids_differ_even_without_regard_to_case(numbers: list[int]) -> None:
    keys = [record_id("Account", number).lower() for number in numbers]
    assert len(set(keys)) == len(keys)
