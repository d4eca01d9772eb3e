"""`crmsync db rotate-keys`, what `doctor` says of keys, and customers by their addresses."""

from __future__ import annotations

from pathlib import Path


def use_keys(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).write_text(name * 32)
    key, *old = (f'"${{file:{name}}}"' for name in names)
    before = (folder / "crmsync.yaml").read_text().partition("encryption:")[0]
    (folder / "crmsync.yaml").write_text(
        f"{before}encryption: {{key: {key}, old_keys: [{', '.join(old)}]}}\n"
    )


def contact_data(crmsync) -> dict[str, object]:
    (check,) = [c for c in crmsync("doctor", "--json").data["checks"] if c["name"] == "contact data"]
    return check


def test_without_a_key(crmsync) -> None:
    told = crmsync("db", "rotate-keys")
    assert (told.code, "encryption.key" in told.err) == (2, True)
    assert contact_data(crmsync)["well"]
    assert "stored as they come" in str(contact_data(crmsync)["told"])


def test_from_plain_to_one_key_and_to_another(crmsync, folder: Path) -> None:
    use_keys(folder, "a")
    assert not contact_data(crmsync)["well"]
    first = crmsync("db", "rotate-keys", "--json").data
    assert first["rows"]["account"] > 10
    assert first["retired"] == []
    assert "encrypted with the key" in str(contact_data(crmsync)["told"])
    use_keys(folder, "b")
    refused = crmsync("status")
    assert (refused.code, first["key_id"] in refused.err) == (5, True)
    use_keys(folder, "b", "a")
    told = crmsync("db", "rotate-keys")
    assert f"account: {first['rows']['account']} rows" in told.out
    assert f"No longer needed: {first['key_id']}" in told.out
    use_keys(folder, "b")
    assert crmsync("audit", "verify", "--json").data["signed_to"] == 4
    assert crmsync("status").code == 0


def test_a_customer_is_found_by_address(crmsync, folder: Path) -> None:
    shown = crmsync("customers", "show", "1", "--json").data["customer"]
    for _ in range(2):
        (account, *_) = shown["accounts"]
        for address in (account["email"].upper(), account["phone"]):
            assert crmsync("customers", "show", address, "--json").data["customer"]["id"] == shown["id"]
        use_keys(folder, "a")
        crmsync("db", "rotate-keys")


def test_a_literal_key_is_refused(crmsync, folder: Path) -> None:
    with (folder / "crmsync.yaml").open("a") as file:
        file.write(f"encryption: {{key: {'k' * 32}}}\n")
    refused = crmsync("check")
    assert refused.code == 5
    assert "k" * 32 not in refused.err
