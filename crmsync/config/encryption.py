"""What customers' contact data are encrypted with."""

from __future__ import annotations

from pydantic import Field, model_validator

from crmsync.config.key import SecretKey, secrets_of
from crmsync.config.part import Part
from crmsync.config.problem import refused


class EncryptionConfig(Part):
    """What customers' contact data are encrypted with in the database."""

    key: SecretKey | None = Field(
        None,
        description="The secret from which the keys are made; when left out, contact data are stored as they "
        "come. Without it they cannot be read again: keep a copy elsewhere.",
    )
    old_keys: list[SecretKey] = Field(
        [], description="Earlier keys, until `crmsync db rotate-keys` has replaced them."
    )

    @model_validator(mode="after")
    def _present(self) -> EncryptionConfig:
        if self.old_keys and self.key is None:
            raise refused(
                "old_keys: there is no present key.",
                "Name it under `key`; it may be one of these.",
                key="old_keys",
            )
        return self

    @property
    def keys(self) -> list[str]:
        """Every configured key, the present one first."""
        return secrets_of(self.key, self.old_keys)
