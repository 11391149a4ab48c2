"""Rows of one parent travel together, and the batches are as full as that lets them be."""

from __future__ import annotations

import random
from itertools import groupby

from syncs.batches import batches
from syncs.destination import Change, Operation


def change(seq, parent, operation=Operation.UPDATE, suspect=False):
    return Change(seq, f"k{seq}", operation, {}, "", suspect=suspect, parent=parent)


def test_no_parent_is_in_two_batches_that_fits_into_one():
    rng = random.Random(7)
    for _ in range(300):
        parents = [p for p in range(rng.randint(1, 12)) for _ in range(rng.randint(1, 9))]
        changes = [change(n, str(p)) for n, p in enumerate(parents)]
        size = rng.randint(1, 12)
        made = list(batches(changes, size, separate_operations=True))
        assert [each for batch in made for each in batch] == changes
        assert max(map(len, made)) <= size
        for parent, rows in groupby(changes, lambda each: each.parent):
            among = sum(any(each.parent == parent for each in batch) for batch in made)
            needed = -(-len(list(rows)) // size)
            assert among <= (1 if needed == 1 else needed + 1)


def test_rows_without_a_parent_fill_their_batches():
    changes = [change(n, None) for n in range(10)] + [change(10, None, Operation.REMOVE)]
    sizes = [len(batch) for batch in batches(changes, 4, separate_operations=True)]
    assert sizes == [4, 4, 2, 1]
    assert [len(batch) for batch in batches(changes, 4, separate_operations=False)] == [4, 4, 3]
