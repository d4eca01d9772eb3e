"""Brings the Chinese catalogue in line with every text marked in the code, and compiles it.

New texts stand in the .po file with an empty translation, for a person to fill in; run it once more then.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parent.parent
PO = ROOT / "crmsync" / "locale" / "zh_CN" / "LC_MESSAGES" / "crmsync.po"
# A date of its own would make every compiled file another one.
_NO_DATE = datetime(1970, 1, 1, tzinfo=UTC)
_HEADER = """\
# Made by docs/catalogue.py from the texts marked in the code; translate here, then run it again.
msgid ""
msgstr ""
"Language: zh_CN\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""


def marked() -> Iterator[tuple[str, str]]:
    """Every marked text with the file it stands in."""
    for folder in ("crmsync", "plugins"):
        found = extract_from_dir(ROOT / folder, [("**.py", "python")], keywords={"mark": None})
        for file, _, text, *_ in found:
            if isinstance(text, str):
                yield text, f"{folder}/{Path(file).as_posix()}"


def read(po: Path = PO) -> Catalog:
    """The catalogue as it is."""
    with po.open("rb") as file:
        catalogue = read_po(file, locale="zh_CN", domain="crmsync")
    catalogue.creation_date = catalogue.revision_date = _NO_DATE
    return catalogue


def compiled(catalogue: Catalog) -> bytes:
    """The catalogue as gettext reads it."""
    buffer = io.BytesIO()
    write_mo(buffer, catalogue)
    return buffer.getvalue()


def updated(known: Catalog) -> str:
    """The .po file with exactly the marked texts, each with the translation that is known."""
    catalogue = Catalog(locale="zh_CN", domain="crmsync")
    for text, file in sorted(marked(), key=lambda entry: entry[1]):
        translation = known[text].string if text in known else ""
        catalogue.add(text, translation, locations=[(file, 0)])
    for message in catalogue:
        # Babel takes "95 % interval" for a format of Python's.
        message.flags.discard("python-format")
    buffer = io.BytesIO()
    write_po(buffer, catalogue, width=110, omit_header=True, include_lineno=False)
    return _HEADER + buffer.getvalue().decode()


def main() -> int:
    PO.write_text(updated(read()), "utf-8")
    catalogue = read()
    PO.with_suffix(".mo").write_bytes(compiled(catalogue))
    missing = [message.id for message in catalogue if message.id and not message.string]
    for text in missing:
        sys.stdout.write(f"not translated: {text}\n")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
