"""What ops type: arguments in, read models out. No decision is made here, and no SQL stands here."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and leave the process with its exit code."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    if list(arguments) == ["--version"]:
        # Asked for by scripts and health checks: it should cost nothing.
        import crmsync

        sys.stdout.write(f"crmsync {crmsync.__version__}\n")
        return
    from crmsync.cli.command import run

    sys.exit(run(arguments))
