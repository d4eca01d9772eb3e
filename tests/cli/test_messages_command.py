"""`crmsync messages`: a person's decisions."""

from __future__ import annotations

from collections import Counter

from crmsync.testing import Shop


def waiting(crmsync) -> list[int]:
    rows = crmsync("messages", "list", "--state", "awaiting_approval", "--json").data["messages"]
    return [row["id"] for row in rows]


def test_approved_messages_go_out_with_the_next_pass(crmsync, cli_shop: Shop) -> None:
    ids = waiting(crmsync)
    assert ids
    assert crmsync("messages", "cancel", str(ids[0]), "--json").data["cancelled"] == 1
    approved = crmsync("messages", "approve", "--campaign", "thanks", "--json").data["approved"]
    assert approved == len(ids) - 1
    assert waiting(crmsync) == []
    ran = crmsync("run", "--once", "--json")
    assert ran.data["delivered"] == {"sent": approved}
    # The shop is every test's and drops a key it has seen: it has these texts, whoever sent them first.
    received = Counter(message.text for message in cli_shop.messages)
    rows = crmsync("messages", "list", "--state", "sent", "--text", "--json").data["messages"]
    assert len(rows) == approved
    assert all(received[row["text"][1]] for row in rows)


def test_a_message_that_is_not_there(crmsync) -> None:
    for command in (("approve", "9999"), ("cancel", "9999"), ("resolve", "9999", "sent"), ("approve",)):
        ran = crmsync("messages", *command, "--json")
        assert ran.code == 2
        assert ran.data["error"]["fix"]


def test_contacts_and_texts_are_shown_only_when_asked_for(crmsync, cli_shop: Shop) -> None:
    mails = [row["email"] for row in cli_shop.rows("customers") if row["email"]]
    plain = crmsync("messages", "list")
    assert not any(mail in plain.out for mail in mails)
    shown = crmsync("messages", "list", "--contact", "--text", "--json").data["messages"]
    assert any(row["contact"]["email"] in mails for row in shown)
    assert all(row["text"][1] for row in shown if row["state"] != "suppressed")
