"""Contact data in the tables: sealed on their way in, opened on their way out, and given another key."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import insert, select, text, update
from sqlmodel import SQLModel

from crmsync.sdk import ConfigError, CrmsyncError, Token, UsageError
from crmsync.store import Store
from crmsync.store import encryption as encryption_module
from crmsync.store import tables as t
from crmsync.store.audit import audit, list_audit, verify_audit
from crmsync.store.bulk import Bulk
from crmsync.store.encryption import rotate_keys, stale_tables, unlock
from crmsync.store.sealing import sealed, sealed_columns
from crmsync.store.token import StoreTokens
from crmsync.store.vault import Vault

KEY, OTHER = "k" * 32, "o" * 32
NOW = datetime(2026, 5, 1, tzinfo=UTC)
STUB = (
    "connection_id external_id learned_at changed_at digest customer_id email_verified phone_verified".split()
)
ACCOUNTS = Bulk(t.Account, (*STUB[:6], "name", "email", "email_verified", "phone", "phone_verified"))
REVIEWS = Bulk(
    t.Review,
    ("connection_id", "external_id", "learned_at", "changed_at", "digest", "title", "text", "created_at"),
)


def rotate(store: Store) -> dict[str, int]:
    return rotate_keys(store, actor="ann", now=lambda: NOW).rows


def fill(store: Store, first: int = 0, count: int = 1) -> None:
    """So many accounts, each with a review, a message, a rejected payload, a noted case and a token."""
    numbers = range(first, first + count)
    with store.write() as transaction:
        if not transaction.scalar(select(t.Connection.id)):
            transaction.execute(insert(t.Connection).values(name="shop", connector="demo", scope="demo"))
        transaction.execute(
            insert(t.Customer), [{"id": n + 1, "key": f"c{n}", "learned_at": NOW} for n in numbers]
        )
        ACCOUNTS.upsert(
            transaction,
            [
                (
                    1,
                    f"b{n}",
                    1,
                    1,
                    700 + n,
                    n + 1,
                    f"Lin {n}",
                    f"Lin{n}@example.com",
                    True,
                    f"+86 1200{n}",
                    True,
                )
                for n in numbers
            ],
        )
        REVIEWS.upsert(transaction, [(1, f"r{n}", 1, 1, n, "Hm", f"call 1200{n}", 1) for n in numbers])
        for n in numbers:
            message = dict.fromkeys(
                "template template_version approve purpose channel medium".split(), "x"
            ) | {
                "key": f"m{n}",
                "campaign": "thanks",
                "connection_id": 1,
                "account_id": f"b{n}",
                "customer_id": n + 1,
                "flag_id": 0,
                "level": "",
                "language": "en",
                "subject": f"To Lin {n}",
                "body": f"Dear Lin {n}",
                "state": "sent",
                **dict.fromkeys("planned_at expires_at next_attempt_at changed_at".split(), NOW),
            }
            transaction.execute(insert(t.Message).values(sealed(store.vault, t.Message, message)))
            case = {
                "id": n + 1,
                "customer_id": n + 1,
                "type": f"x{n}",
                "severity": "low",
                "stage": "received",
            }
            transaction.execute(insert(t.Case).values(case | {"opened_at": NOW, "changed_at": NOW}))
            event = {"case_id": n + 1, "at": NOW, "actor": "ann", "what": "noted", "stage": "received"}
            event["note"] = f"Lin {n} called"
            transaction.execute(insert(t.CaseEvent).values(sealed(store.vault, t.CaseEvent, event)))
            refund = {"connection_id": 1, "external_id": f"f{n}", "order_id": "o", "kind": "x", "status": "x"}
            refund |= {"learned_at": NOW, "changed_at": NOW, "requested_at": NOW, "digest": n}
            refund |= {"currency": "CNY", "amount": 1, "reason": f"Lin {n} sent it back"}
            transaction.execute(insert(t.Refund).values(sealed(store.vault, t.Refund, refund)))
            will = {
                "connection_id": 1,
                "account_id": f"b{n}",
                "medium": "any",
                "purpose": "service",
                "at": NOW,
            }
            will |= {"granted": True, "source": "x", "proof": f"mail of Lin {n}", "learned_at": NOW}
            transaction.execute(insert(t.Consent).values(sealed(store.vault, t.Consent, will)))
            entry = {
                "connection_id": 1,
                "stream": "orders",
                "digest": n,
                "payload": f'"Lin {n}"',
                "reason": "no",
            }
            entry |= {"first_at": NOW, "last_at": NOW}
            transaction.execute(insert(t.Quarantine).values(sealed(store.vault, t.Quarantine, entry)))
    for n in numbers:
        StoreTokens(store, f"shop{n}").refresh("main", None, lambda old, n=n: Token(f"t{n}", None, f"r{n}"))


def read(store: Store) -> dict[str, list[Any]]:
    """Everything that is sealed, opened."""
    found = {}
    with store.read() as reading:
        for table in SQLModel.metadata.sorted_tables:
            if columns := [table.c[name] for name in sealed_columns(table)]:
                found[table.name] = sorted(map(tuple, reading.execute(select(*columns))), key=repr)
    return found


def stored(store: Store) -> list[str]:
    """Everything that is sealed, as it is stored."""
    with store.read() as reading:
        return [
            value
            for table in SQLModel.metadata.sorted_tables
            for name in sealed_columns(table)
            for value in reading.scalars(text(f'SELECT {name} FROM "{table.name}"'))
            if value
        ]


def digests(store: Store) -> list[int]:
    """The accounts' digests, without their pads."""
    from crmsync.store.vault import row_of

    with store.read() as reading:
        rows = reading.execute(text("SELECT digest, key_id, connection_id, external_id FROM account"))
        return sorted(digest ^ store.vault.pad(id, row_of(*row)) for digest, id, *row in rows)


TABLES = {"account", "case_event", "consent", "message", "quarantine", "refund", "review", "token"}


def test_with_a_key_nothing_is_stored_as_it_is_and_all_is_read(store: Store) -> None:
    unlock(store, [KEY], NOW)
    fill(store)
    found = read(store)
    assert set(found) == TABLES
    assert found["account"] == [("Lin 0", "Lin0@example.com", "+86 12000")]
    assert found["message"] == [("To Lin 0", "Dear Lin 0")]
    assert found["review"] == [("Hm", "call 12000")]
    assert found["quarantine"] == [('"Lin 0"',)]
    assert found["case_event"] == [("Lin 0 called",)]
    assert found["token"] == [("t0", "r0")]
    assert found["refund"] == [("Lin 0 sent it back",)]
    assert found["consent"] == [("mail of Lin 0",)]
    assert len(stored(store)) == 13
    assert all(value.startswith(store.vault.mark) for value in stored(store))
    assert digests(store) == [700]


def test_without_a_key_all_is_stored_as_it_is(store: Store) -> None:
    fill(store)
    assert "Lin0@example.com" in stored(store)
    assert read(store)["account"] == [("Lin 0", "Lin0@example.com", "+86 12000")]
    with store.read() as reading:
        assert reading.execute(text("SELECT digest, key_id FROM account")).one() == (700, "")


@pytest.mark.parametrize("secrets", [[], [KEY]])
def test_a_text_that_looks_as_if_it_were_sealed(store: Store, secrets: list[str]) -> None:
    unlock(store, secrets, NOW)
    fill(store)
    texts = ("enc1:00000000:AAAA b", "raw1:")
    with store.write() as transaction:
        REVIEWS.upsert(transaction, [(1, "r1", 1, 1, 1, *texts, 1)])
    assert texts in read(store)["review"]


def test_it_is_read_by_any_query_for_the_column(store: Store) -> None:
    unlock(store, [KEY], NOW)
    fill(store)
    a = t.Account
    other = a.__table__.alias("other")  # type: ignore[attr-defined]
    joined = select(a.name.label("person"), other.c.email, t.Message.body).join(
        other, other.c.external_id == a.external_id
    )
    with store.read() as reading:
        row = reading.execute(joined.join(t.Message, t.Message.account_id == a.external_id)).one()
        assert (row.person, row.email, row.body) == ("Lin 0", "Lin0@example.com", "Dear Lin 0")
        named = reading.execute(select(a.__table__)).mappings().one()  # type: ignore[attr-defined]
        assert (named["name"], named["phone"]) == ("Lin 0", "+86 12000")


def test_a_sealed_text_moved_to_another_row_is_not_read(store: Store) -> None:
    unlock(store, [KEY], NOW)
    fill(store, count=2)
    with store.write() as transaction:
        moved = "(SELECT email FROM account WHERE external_id = 'b1')"
        transaction.execute(text(f"UPDATE account SET email = {moved} WHERE external_id = 'b0'"))
    with store.read() as reading, pytest.raises(CrmsyncError, match=r"account\.email of row 1/b0"):
        reading.execute(select(t.Account.email).where(t.Account.external_id == "b0")).all()


def test_plain_text_gets_in_only_where_there_is_no_key(store: Store) -> None:
    change = update(t.Account).values(email="lin@example.com")
    with store.write() as transaction:
        transaction.execute(change)
    unlock(store, [KEY], NOW)
    with (
        store.write() as transaction,
        pytest.raises(Exception, match=r"account\.email takes sealed text only"),
    ):
        transaction.execute(change)
    with store.write() as transaction:
        transaction.execute(update(t.Account).values(email=None, name=""))


def test_an_address_is_found_without_being_read(store: Store) -> None:
    fill(store)
    unlock(store, [KEY], NOW)
    fill(store, 1)
    unlock(store, [OTHER, KEY], NOW)
    fill(store, 2)
    with store.read() as reading:
        for n in range(3):
            for column, kind, address in (
                (t.Account.email_index, "email", f"lin{n}@EXAMPLE.com"),
                (t.Account.phone_index, "phone", f"861200{n}"),
            ):
                query = select(t.Account.external_id).where(column.in_(store.vault.indexes(kind, address)))
                assert reading.scalars(query).all() == [f"b{n}"]


def test_a_key_in_use_must_be_there(store: Store) -> None:
    unlock(store, [KEY], NOW)
    for secrets in ([], [OTHER]):
        with pytest.raises(ConfigError, match=store.vault.key_id) as raised:
            unlock(store, secrets, NOW)
        assert "encryption.old_keys" in raised.value.fix
    assert store.vault.key_ids == Vault([KEY]).key_ids
    unlock(store, [OTHER, KEY], NOW)
    assert [entry.action for entry in list_audit(store)] == ["use_key", "use_key"]
    unlock(store, [OTHER, KEY], NOW)
    assert len(list_audit(store)) == 2


def test_what_is_plain_is_encrypted_by_a_rotation(store: Store) -> None:
    fill(store, count=3)
    before = read(store)
    unlock(store, [KEY], NOW)
    assert set(stale_tables(store)) == TABLES
    assert rotate(store) == dict.fromkeys(sorted(TABLES), 3)
    assert read(store) == before
    assert all(value.startswith(store.vault.mark) for value in stored(store))
    assert digests(store) == [700, 701, 702]
    assert stale_tables(store) == []
    assert rotate(store) == dict.fromkeys(sorted(TABLES), 0)


def test_after_a_rotation_the_earlier_key_is_not_needed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encryption_module, "_AT_ONCE", 2)
    unlock(store, [KEY], NOW)
    fill(store, count=5)
    before = read(store)
    unlock(store, [OTHER, KEY], NOW)
    told: list[tuple[str, int]] = []
    done = rotate_keys(store, actor="ann", now=lambda: NOW, progress=lambda *step: told.append(step))
    assert (done.key_id, done.retired) == (Vault([OTHER]).key_id, (Vault([KEY]).key_id,))
    assert [rows for table, rows in told if table == "account"] == [2, 4, 5]
    unlock(store, [OTHER], NOW)
    assert read(store) == before
    assert digests(store) == [700, 701, 702, 703, 704]
    entry = list_audit(store)[0]
    assert (entry.actor, entry.action, entry.detail) == ("ann", "rotate_keys", "40 rows")
    with store.read() as reading:
        index = Vault([OTHER]).index("email", "lin0@example.com")
        query = select(t.Account.external_id).where(t.Account.email_index == index)
        assert reading.scalars(query).all() == ["b0"]


def test_a_stub_stays_a_stub(store: Store) -> None:
    fill(store)
    unlock(store, [KEY], NOW)
    with store.write() as transaction:
        Bulk(t.Account, STUB).insert(transaction, [(1, "named", 1, 1, 0, 1, False, False)])
    rotate(store)
    with store.read() as reading:
        row = reading.execute(text("SELECT digest, key_id FROM account WHERE external_id = 'named'")).one()
    assert row == (0, "")


def test_without_a_key_there_is_nothing_to_rotate_to(store: Store) -> None:
    with pytest.raises(UsageError, match="no key"):
        rotate(store)


@pytest.mark.postgres
def test_a_rotation_waits_for_what_others_hold(
    postgres_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = postgres_store
    fill(store, count=2)
    unlock(store, [KEY], NOW)
    with store.engine.connect() as other:
        held = other.begin()
        other.execute(text("SELECT 1 FROM account WHERE external_id = 'b0' FOR UPDATE"))
        monkeypatch.setattr(encryption_module.time, "sleep", lambda seconds: held.rollback())
        assert rotate(store)["account"] == 2
    assert stale_tables(store) == []


_ROTATE = """
import sys
from datetime import UTC, datetime
from crmsync.store import Store, encryption
encryption._AT_ONCE = 10
store = Store(sys.argv[1])
now = datetime(2026, 5, 1, tzinfo=UTC)
encryption.unlock(store, sys.argv[2:], now)
step = lambda table, rows: print(table, rows, flush=True)
encryption.rotate_keys(store, actor="ann", now=lambda: now, progress=step)
"""


def test_a_rotation_that_is_killed_again_and_again(store: Store, database_url: str) -> None:
    unlock(store, [KEY], NOW)
    fill(store, count=40)
    before = read(store)
    chance = random.Random(5)
    killed = 0
    while True:
        process = subprocess.Popen(
            [sys.executable, "-c", _ROTATE, database_url, OTHER, KEY], stdout=subprocess.PIPE, text=True
        )
        with process:
            assert process.stdout is not None
            for _ in range(chance.randint(1, 5)):
                process.stdout.readline()
            process.send_signal(signal.SIGKILL)
        if process.returncode == 0:
            break
        killed += 1
        store.vault = Vault([OTHER, KEY])
        assert read(store) == before
    assert killed >= 3
    unlock(store, [OTHER], NOW)
    assert read(store) == before
    assert digests(store) == [700 + n for n in range(40)]
    assert all(value.startswith(store.vault.mark) for value in stored(store))
    assert verify_audit(store).whole


def test_a_signature_vouches_for_all_before_it(store: Store) -> None:
    with store.write() as transaction:
        audit(transaction, NOW, "ann", "approve", "message 1")
    assert verify_audit(store).signed_to == 0
    unlock(store, [KEY], NOW)
    state = verify_audit(store)
    assert (state.whole, state.entries, state.signed_to) == (True, 2, 2)
    store.vault = Vault([OTHER])
    assert (verify_audit(store).whole, verify_audit(store).signed_to) == (True, 0)


def test_signatures_of_earlier_keys_stand_where_they_were_made(store: Store) -> None:
    unlock(store, [KEY], NOW)
    unlock(store, [OTHER, KEY], NOW)
    late = Store(store.url.render_as_string(hide_password=False))
    late.vault = Vault([KEY])
    with late.write() as transaction:
        audit(transaction, NOW, "ann", "approve", "message 1")
    rotate(store)
    unlock(store, [OTHER], NOW)
    state = verify_audit(store)
    assert (state.whole, state.entries, state.signed_to) == (True, 4, 4)
    with late.write() as transaction:
        audit(transaction, NOW, "ann", "approve", "message 2")
    late.close()
    assert (verify_audit(store).whole, verify_audit(store).broken_at) == (False, 5)


@pytest.mark.parametrize("signed", ["", "taken", "by another"])
def test_who_has_no_key_cannot_go_on_with_the_chain(store: Store, signed: str) -> None:
    unlock(store, [KEY], NOW)
    with store.write() as transaction:
        audit(transaction, NOW, "ann", "approve", "message 1")
    with store.read() as reading:
        taken = reading.scalar(text("SELECT signature FROM audit WHERE id = 2"))
    store.vault = Vault(["a" * 32]) if signed == "by another" else Vault()
    with store.write() as transaction:
        audit(transaction, NOW, "ann", "approve", "message 2")
    assert verify_audit(store).whole, "without the key nobody can tell"
    if signed == "taken":
        with store.write() as transaction:
            off, on = (
                (
                    "ALTER TABLE audit DISABLE TRIGGER audit_append_only",
                    "ALTER TABLE audit ENABLE TRIGGER ALL",
                )
                if store.dialect == "postgresql"
                else ("DROP TRIGGER audit_no_update", "SELECT 1")
            )
            transaction.execute(text(off))
            transaction.execute(text("UPDATE audit SET signature = :s WHERE id = 3"), {"s": taken})
            transaction.execute(text(on))
    store.vault = Vault([KEY])
    state = verify_audit(store)
    assert (state.whole, state.broken_at, state.signed_to) == (False, 3, 2)
    assert "not signed with the key" in str(state.why)


def test_accounts_from_before_are_found_after_the_upgrade(store: Store) -> None:
    from pathlib import Path

    from alembic.migration import MigrationContext
    from alembic.operations import Operations
    from alembic.script import ScriptDirectory

    from crmsync.store import schema

    fill(store, count=3)
    with store.write() as transaction:
        transaction.execute(text("DROP TABLE encryption_key"))
        transaction.execute(text("ALTER TABLE audit DROP COLUMN signature"))
        for column in ("email_index", "phone_index"):
            transaction.execute(text(f"DROP INDEX ix_account_{column}"))
            transaction.execute(text(f"ALTER TABLE account DROP COLUMN {column}"))
        transaction.execute(text("ALTER TABLE account DROP COLUMN key_id"))
    scripts = ScriptDirectory(str(Path(schema.__file__).parent / "migrations"))
    revision = next(script for script in scripts.walk_revisions() if "encrypted" in script.path)
    revision.module._AT_ONCE = 2
    with store.write() as transaction, Operations.context(MigrationContext.configure(transaction)):
        revision.module.upgrade()
    vault = Vault()
    with store.read() as reading:
        rows = reading.execute(select(t.Account.email_index, t.Account.phone_index, t.Account.key_id)).all()
    assert sorted(rows) == sorted(
        (vault.index("email", f"lin{n}@example.com"), vault.index("phone", f"861200{n}"), "")
        for n in range(3)
    )
