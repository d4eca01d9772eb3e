from __future__ import annotations

import subprocess
import sys

import pytest

from crmsync.sdk import Locked
from crmsync.store import Store
from crmsync.store.lock import instance_lock

HOLD = """
import sys, time
from crmsync.store import Store
from crmsync.store.lock import instance_lock
with instance_lock(Store(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_process_is_refused_until_the_first_is_gone(store: Store, database_url: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, database_url], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(Locked, match="in use by") as refused, instance_lock(store):
            pass
        if store.dialect == "sqlite":
            assert str(other.pid) in str(refused.value)
        other.kill()
    for _ in range(100):
        try:
            with instance_lock(store):
                return
        except Locked:  # PostgreSQL notices a killed client a moment later
            continue
    pytest.fail("the lock outlived its process")


def test_the_lock_can_be_taken_again(store: Store) -> None:
    for _ in range(2):
        with instance_lock(store):
            pass


def test_two_databases_are_two_locks(store: Store, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = Store(f"sqlite:///{tmp_path_factory.mktemp('other')}/other.db")
    with instance_lock(store), instance_lock(other):
        pass
    other.close()
