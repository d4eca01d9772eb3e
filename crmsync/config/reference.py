"""References in values: `${env:NAME}`, `${env:NAME:-default}`, `${file:PATH}`; `$${` is a plain `${`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from crmsync.sdk import ConfigError

_REFERENCE = re.compile(r"\$\$\{|\$\{(?P<body>[^}]*)(?P<end>\}?)")
_ENV = re.compile(r"^env:(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>.*))?$", re.DOTALL)
_FORMS = "Write ${env:NAME}, ${env:NAME:-default} or ${file:PATH}; a plain ${ is written $${."


@dataclass(frozen=True, slots=True)
class Expanded:
    """A value with its references replaced.

    `secrets` are the texts that came from outside and must not be shown. `written` says that a
    default stands in the file, used or not.
    """

    text: str
    secrets: tuple[str, ...] = ()
    written: bool = field(default=False)

    @property
    def referenced(self) -> bool:
        return bool(self.secrets) or self.written


def expand(text: str, folder: Path, environ: Mapping[str, str]) -> Expanded:
    """Replace every reference in the text; relative files start from `folder`.

    Raises ConfigError with the remedy when one is malformed or leads nowhere.
    """
    secrets: list[str] = []
    written = False

    def replace(match: re.Match[str]) -> str:
        nonlocal written
        body = match["body"]
        if body is None:
            return "${"
        if not match["end"]:
            raise ConfigError("a reference has no closing brace.", fix=_FORMS)
        if body.startswith("file:"):
            secrets.append(_content(body.removeprefix("file:"), folder))
            return secrets[-1]
        env = _ENV.match(body)
        if env is None:
            raise ConfigError(f"${{{body}}} is no reference.", fix=_FORMS)
        written = written or bool(env["default"])
        value = environ.get(env["name"], "")
        if value or (env["name"] in environ and env["default"] is None):
            secrets.append(value)
            return value
        if env["default"] is None:
            raise ConfigError(
                f"the environment variable {env['name']} is not set.",
                fix=f"Set {env['name']}, or give a default: ${{env:{env['name']}:-…}}.",
            )
        secrets.append("")
        return env["default"]

    return Expanded(_REFERENCE.sub(replace, text), tuple(secrets), written)


def _content(name: str, folder: Path) -> str:
    try:
        return (folder / Path(name.strip()).expanduser()).read_text("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise ConfigError(f"the file {name} is not text in UTF-8.", fix="Save it as UTF-8.") from None
    except (OSError, RuntimeError, ValueError) as error:
        why = getattr(error, "strerror", None) or "the path is unusable"
        raise ConfigError(
            f"the file {name} cannot be read: {why}.",
            fix="Make it readable to the user crmsync runs as; a relative path starts beside the config.",
        ) from None
