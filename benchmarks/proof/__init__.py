"""``python -m benchmarks.proof``: the promises of the sync engine, measured."""
