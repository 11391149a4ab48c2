"""Small work is done on one thread, unless large work in the same file needs them all."""

from __future__ import annotations

from contextlib import ExitStack

from headwater.settings import Settings
from headwater.warehouse import connect
from headwater.worker_threads import worker_threads


def test_small_work_takes_one_thread_while_nothing_large_is_under_way(tmp_path):
    with connect(Settings(home=tmp_path, duckdb_threads=3)) as first:

        def threads() -> int:
            return int(first.execute("select current_setting('threads')").fetchall()[0][0])

        with first.cursor() as second, ExitStack() as early, ExitStack() as late:
            early.enter_context(worker_threads(first, is_small=True))
            assert threads() == 1
            with worker_threads(second, is_small=False):
                assert threads() == 3
                late.enter_context(worker_threads(second, is_small=True))
                assert threads() == 3
            assert threads() == 1
            early.close()
            assert threads() == 1
            late.close()
        assert threads() == 3
