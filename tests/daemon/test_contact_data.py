"""Contact data at rest: with a key, no byte of them is in any file; without one, they are."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import SQLModel

from crmsync.care import list_messages
from crmsync.daemon.app import App
from crmsync.daemon.customer import find_customer, read_customer
from crmsync.sdk import ConfigError, UsageError
from crmsync.store import Store
from crmsync.store.backup import backup
from crmsync.store.encryption import rotate_keys, stale_tables
from crmsync.sync.quarantine import list_quarantine, payload_of
from crmsync.testing import Shop

KEY, OTHER = "${file:key}", "${file:other}"
CONFIG = """\
database: "{database}"
encryption: {{{encryption}}}
connections:
  - {{id: shop, connector: demo, base_url: {url}, client_secret: "${{file:secret}}"}}
rules:
  vip: {{minimum_customers: 5}}
care:
  - {{name: thanks, when: vip, template: vip_thanks, approve: never, quiet_hours: null}}
"""
CANARIES = ("Qxcanaryname", "qxcanary@", "12077", "qxcanaryreview", "qxcanarypayload")


@pytest.fixture(scope="module")
def known_shop() -> Iterator[Shop]:
    """A shop in which every customer has a name, an e-mail and a phone that nothing else contains."""
    with Shop(seed=3, customers=40, history_days=90) as shop:
        rows = [row for row in shop.rows("customers") if row["email"]]
        shop.put(
            "customers",
            [
                {
                    "id": row["id"],
                    "nick": f"Qxcanaryname{n}",
                    "email": f"qxcanary@{n}.example.com",
                    "mobile": f"+8612077{n:04}",
                }
                for n, row in enumerate(rows)
            ],
        )
        broken = {"id": rows[-1]["id"], "email_verified": "?", "nick": "qxcanarypayload"}
        shop.put("customers", [broken])
        review = shop.rows("reviews")[0]
        shop.put("reviews", [{"id": review["id"], "content": "qxcanaryreview: call +8612077"}])
        yield shop


class House:
    """A folder with a configuration, and an App on it for as long as it takes."""

    def __init__(self, folder: Path, shop: Shop, database: str) -> None:
        self.folder, self.shop, self.database = folder, shop, database
        self.opened: list[App] = []
        (folder / "secret").write_text(shop.credentials.client_secret)
        (folder / "key").write_text("k" * 32)
        (folder / "other").write_text("o" * 32)

    def configure(self, key: str = "", *old: str) -> None:
        named = ", ".join(f'"{one}"' for one in old)
        section = f'key: "{key}", old_keys: [{named}]' if key else ""
        text = CONFIG.format(database=self.database, encryption=section, url=self.shop.url)
        (self.folder / "crmsync.yaml").write_text(text)

    def open(self) -> App:
        self.opened.append(App.open(self.folder / "crmsync.yaml"))
        return self.opened[-1]

    def work(self) -> None:
        app = self.open()
        assert app.full_pass().exit_code == 0
        assert list_messages(app.store, states=["sent"])
        assert list_quarantine(app.store)
        app.close()


@pytest.fixture
def house(tmp_path: Path, known_shop: Shop, database_url: str) -> Iterator[House]:
    house = House(tmp_path, known_shop, database_url)
    yield house
    for app in house.opened:
        app.close()


def found_in(store: Store, folder: Path) -> set[str]:
    """The canaries that somebody finds who has the files, and a copy of them."""
    if store.dialect == "sqlite":
        backup(store, folder / "copy.db")
        files = [path for path in folder.iterdir() if path.name.startswith(("crmsync.db", "copy.db"))]
        assert {"crmsync.db", "crmsync.db-wal", "copy.db"} <= {path.name for path in files}
        assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
        held = b"".join(path.read_bytes() for path in files)
        (folder / "copy.db").unlink()
    else:
        with store.read() as reading:
            # The planner's statistics quote what is frequent.
            statistics = text("SELECT s::text FROM pg_stats s WHERE schemaname = 'public'")
            dumped = [
                *reading.scalars(statistics),
                *(
                    row
                    for table in SQLModel.metadata.sorted_tables
                    for row in reading.scalars(text(f'SELECT t::text FROM "{table.name}" t'))
                ),
            ]
        held = "\n".join(dumped).encode()
    assert b"shop" in held
    return {canary for canary in CANARIES if canary.encode() in held}


def test_without_a_key_they_are_found(house: House) -> None:
    house.configure()
    house.work()
    app = house.open()
    assert found_in(app.store, house.folder) == set(CANARIES)
    app.close()


def test_with_a_key_none_is_found_and_all_goes_on(house: House) -> None:
    house.configure(KEY)
    house.work()
    app = house.open()
    assert found_in(app.store, house.folder) == set()
    card = read_customer(app.store, find_customer(app.store, " QXcanary@1.example.com"))
    assert [account.name for account in card.accounts] == ["Qxcanaryname1"]
    assert find_customer(app.store, "+86 120 7700 01") == card.id
    said = list_messages(app.store, states=["sent"], text=True, contact=True)[0]
    assert said.contact is not None
    assert said.text is not None
    assert said.contact.name in said.text[1]
    assert "qxcanarypayload" in str(payload_of(app.store, list_quarantine(app.store)[0].id))
    again = app.sync("shop")
    assert sum(run.inserted + run.updated for run in again.runs) == 0
    app.close()


def test_they_are_gone_from_everywhere_once_a_key_is_given(house: House) -> None:
    house.configure()
    house.work()
    house.configure(KEY)
    app = house.open()
    if app.store.dialect == "postgresql":
        with app.store.write() as transaction:
            transaction.execute(text("ANALYZE"))
    assert set(stale_tables(app.store)) >= {"account", "message", "quarantine", "review"}
    rotate_keys(app.store, actor="ann", now=app.clock.now)
    assert found_in(app.store, house.folder) == set()
    again = app.sync("shop")
    assert sum(run.inserted + run.updated for run in again.runs) == 0
    app.close()


def test_the_key_is_changed_while_the_daemon_works(house: House) -> None:
    house.configure(KEY)
    house.work()
    daemon = house.open()
    house.configure(OTHER, KEY)
    beside = house.open()
    assert daemon.sync("shop").exit_code == 0
    daemon = daemon.reloaded()
    rotate_keys(beside.store, actor="ann", now=beside.clock.now)
    beside.close()
    house.configure(OTHER)
    daemon = daemon.reloaded()
    again = daemon.sync("shop")
    assert sum(run.inserted + run.updated for run in again.runs) == 0
    assert list_messages(daemon.store, text=True)
    assert stale_tables(daemon.store) == []
    daemon.close()


@pytest.mark.parametrize("named", [(), (OTHER,)])
def test_without_the_right_key_nothing_is_opened_or_written(house: House, named: tuple[str, ...]) -> None:
    house.configure(KEY)
    house.work()
    house.configure(*named)
    with pytest.raises(ConfigError, match="is not configured") as raised:
        house.open()
    assert "encryption.key" in raised.value.fix
    house.configure(KEY)
    house.open().close()


def test_a_key_that_is_missing_at_a_reload_changes_nothing(house: House) -> None:
    house.configure(KEY)
    house.work()
    app = house.open()
    house.configure()
    with pytest.raises(ConfigError):
        app.reloaded()
    assert list_messages(app.store, text=True)
    app.close()


def test_an_address_that_reaches_nobody_or_many(house: House) -> None:
    house.configure(KEY)
    house.work()
    app = house.open()
    for nobody in ("nobody@example.com", "+86 000", "shop/nobody", "99999999999999999999", "ab"):
        with pytest.raises(UsageError, match="no customer"):
            find_customer(app.store, nobody)
    with app.store.write() as transaction:
        index = "(SELECT email_index FROM account WHERE email_index IS NOT NULL LIMIT 1)"
        transaction.execute(text(f"UPDATE account SET email_index = {index}"))
    reached = [n for n in range(40) if app.store.vault.indexes("email", f"qxcanary@{n}.example.com")]
    with app.store.read() as reading:
        shared = reading.scalar(text("SELECT email_index FROM account LIMIT 1"))
    (address,) = [
        f"qxcanary@{n}.example.com"
        for n in reached
        if shared in app.store.vault.indexes("email", f"qxcanary@{n}.example.com")
    ]
    with pytest.raises(UsageError, match=r"reaches .* customers"):
        find_customer(app.store, address)
    app.close()
