"""`python -m crmsync` is the command `crmsync`."""

from crmsync.cli import main

main()
