"""The vault: what it seals it opens again, in the same place, with the same key, and nowhere else."""

from __future__ import annotations

import pytest

from crmsync.sdk import ConfigError, CrmsyncError
from crmsync.store.vault import Vault, row_of

KEY, OTHER = "k" * 32, "o" * 32
ROW = row_of(3, "b17")


@pytest.mark.parametrize("text", ["lin@example.com", "王小明", "enc1:", "raw1:x", "a b", " "])
def test_what_is_sealed_is_opened(text: str) -> None:
    for vault in (Vault([KEY]), Vault()):
        assert vault.open("account.email", ROW, vault.seal("account.email", ROW, text)) == text


def test_what_is_sealed_tells_nothing_and_differs_each_time() -> None:
    vault = Vault([KEY])
    one, two = (vault.seal("account.email", ROW, "lin@example.com") for _ in range(2))
    assert "lin" not in one
    assert one != two
    assert one.startswith(f"enc1:{vault.key_id}:")


def test_without_a_key_texts_stay_as_they_are() -> None:
    assert Vault().seal("account.email", ROW, "lin@example.com") == "lin@example.com"
    assert Vault().key_id == ""


def test_what_was_plain_is_read_with_a_key() -> None:
    assert Vault([KEY]).open("account.email", ROW, "lin@example.com") == "lin@example.com"


@pytest.mark.parametrize(
    ("place", "row"),
    [("account.phone", ROW), ("account.email", row_of(3, "b18")), ("account.email", row_of(4, "b17"))],
)
def test_it_cannot_be_read_elsewhere(place: str, row: str) -> None:
    vault = Vault([KEY])
    sealed = vault.seal("account.email", ROW, "lin@example.com")
    with pytest.raises(CrmsyncError, match=rf"{place} of row .* changed, or moved") as raised:
        vault.open(place, row, sealed)
    assert "lin" not in str(raised.value)


@pytest.mark.parametrize(
    "damage", [lambda s: s[:-4] + "AAAA", lambda s: s[:30], lambda s: s + "=", lambda s: s[:15]]
)
def test_what_was_changed_is_not_opened(damage) -> None:
    vault = Vault([KEY])
    with pytest.raises(CrmsyncError, match="cannot be decrypted"):
        vault.open("account.email", ROW, damage(vault.seal("account.email", ROW, "lin@example.com")))


def test_a_missing_key_is_named_with_its_remedy() -> None:
    sealed = Vault([KEY]).seal("account.email", ROW, "lin@example.com")
    for vault in (Vault([OTHER]), Vault()):
        with pytest.raises(ConfigError, match=Vault([KEY]).key_id) as raised:
            vault.open("account.email", ROW, sealed)
        assert "account.email of row 3/b17" in raised.value.what
        assert "encryption.old_keys" in raised.value.fix


def test_an_earlier_key_reads_and_the_present_one_writes() -> None:
    sealed = Vault([KEY]).seal("account.email", ROW, "lin@example.com")
    both = Vault([OTHER, KEY])
    assert both.open("account.email", ROW, sealed) == "lin@example.com"
    assert both.key_id == Vault([OTHER]).key_id
    assert both.key_ids == {Vault([KEY]).key_id, Vault([OTHER]).key_id}


def test_an_address_is_found_in_whichever_form_it_comes() -> None:
    vault = Vault([KEY])
    assert vault.index("email", " Lin@Example.com") == vault.index("email", "lin@example.com")
    assert vault.index("phone", "+86 138-0000") == vault.index("phone", "861380000")
    assert vault.index("phone", "861380000") != vault.index("email", "861380000")
    assert vault.index("phone", "none") is None
    assert vault.indexes("phone", "none") == []


def test_an_index_is_of_one_key_and_looked_for_under_all() -> None:
    made = [vault.index("email", "lin@example.com") for vault in (Vault([KEY]), Vault([OTHER]), Vault())]
    assert len(set(made)) == 3
    assert set(Vault([OTHER, KEY]).indexes("email", "lin@example.com")) == set(made)


def test_a_digest_is_hidden_for_each_row_apart() -> None:
    vault = Vault([KEY])
    pads = {vault.pad(vault.key_id, ROW), vault.pad(vault.key_id, row_of(3, "b18")), vault.pad("", ROW)}
    assert len(pads) == 3
    assert vault.pad("", ROW) == 0
    assert all(-(2**63) <= pad < 2**63 for pad in pads)
    with pytest.raises(ConfigError):
        Vault([OTHER]).pad(vault.key_id, ROW)


def test_a_seal_is_signed_by_who_has_the_key() -> None:
    vault = Vault([KEY])
    signature = vault.sign("seal")
    assert vault.signed("seal", signature) is True
    assert vault.signed("other", signature) is False
    assert vault.signed("seal", signature[:-1] + "x") is False
    assert Vault([OTHER]).signed("seal", signature) is None
    assert Vault().sign("seal") == ""


def test_no_key_is_shown() -> None:
    assert KEY not in repr(Vault([KEY]))
