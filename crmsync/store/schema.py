"""The schema a database has, and bringing it to the one this version needs.

To add a migration, change the tables and run
`python -m crmsync.store.schema "what it does"`; then read what it wrote.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sqlalchemy import Connection, inspect, text

from crmsync.store.database import Store

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0020"
"""The schema of this version."""

SchemaState = Literal["empty", "current", "other"]


def schema_state(store: Store) -> SchemaState:
    """Whether the database has no table of ours yet, the schema of this version, or another one."""
    with store.read() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return "empty"
        version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return "current" if version == HEAD else "other"


def upgrade(store: Store) -> None:
    """Create or migrate the tables, all in one transaction."""
    from alembic import command

    with store.write() as connection:
        command.upgrade(_config(connection), "head")


def _config(connection: Connection) -> Config:
    # Alembic is slow to load and needed only where the schema changes.
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def _write_migration(message: str) -> None:
    from alembic import command
    from alembic.script import ScriptDirectory

    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{folder}/empty.db")
        upgrade(store)
        with store.write() as connection:
            config = _config(connection)
            number = len(list(ScriptDirectory.from_config(config).walk_revisions())) + 1
            command.revision(config, message, autogenerate=True, rev_id=f"{number:04}")
        store.close()


if __name__ == "__main__":
    _write_migration(sys.argv[1])
