"""`crmsync quarantine`: records put aside."""

from __future__ import annotations


def test_listed_shown_replayed_and_dropped(crmsync) -> None:
    listed = crmsync("quarantine", "list", "--json").data
    (record,) = listed["records"]
    assert listed["counts"] == {"shop/reviews": 1}
    assert record["reason"]
    number = str(record["id"])
    assert crmsync("quarantine", "show", number, "--json").data["payload"]
    replayed = crmsync("quarantine", "replay", "--json")
    assert (replayed.code, replayed.data["rejected"]) == (4, 1)
    assert crmsync("quarantine", "drop", number, "--json").data["dropped"] == 1
    assert crmsync("quarantine", "list", "--json").data["records"] == []
    for command in (("drop", number), ("replay",), ("show", number)):
        assert crmsync("quarantine", *command).code == 2
