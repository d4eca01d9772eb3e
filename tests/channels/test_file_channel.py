from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from channel_context import context, message
from crmsync_file.channel import FileChannel
from crmsync_file.settings import FileSettings

from crmsync.sdk import TransientError, Unconfirmed


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


@pytest.fixture
def channel(path: Path) -> FileChannel:
    return FileChannel(FileSettings(path=path), context())


def lines(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_each_message_is_a_line_that_can_be_looked_up(channel: FileChannel, path: Path) -> None:
    sent = channel.send(message(), "k1")
    channel.send(message(body="two\nlines"), "k2")
    assert [line["key"] for line in lines(path)] == ["k1", "k2"]
    found = channel.lookup(message(), "k1")
    assert found is not None
    assert (found.reference, found.at) == (sent.reference, sent.at)
    assert channel.lookup(message(), "k") is None


def test_without_a_file_nothing_was_delivered(channel: FileChannel) -> None:
    assert channel.lookup(message(), "k1") is None


def test_a_line_that_was_cut_off_is_no_delivery_and_spoils_no_other(channel: FileChannel, path: Path) -> None:
    channel.send(message(), "k1")
    whole = path.read_bytes()
    channel.send(message(), "k2")
    path.write_bytes(path.read_bytes()[: len(whole) + 60])
    assert channel.lookup(message(), "k2") is None
    channel.send(message(), "k2")
    assert channel.lookup(message(), "k2") is not None
    assert len(path.read_text().splitlines()) == 3


def test_a_line_that_lacks_only_its_end_is_a_delivery(channel: FileChannel, path: Path) -> None:
    channel.send(message(), "k1")
    path.write_bytes(path.read_bytes()[:-1])
    assert channel.lookup(message(), "k1") is not None
    channel.send(message(), "k2")
    assert [line["key"] for line in lines(path)] == ["k1", "k2"]


def test_a_key_in_someones_text_is_no_delivery(channel: FileChannel) -> None:
    channel.send(message(body='{"key": "k9"}'), "k1")
    assert channel.lookup(message(), "k9") is None


def test_contact_data_is_left_out_unless_wanted(channel: FileChannel, path: Path) -> None:
    channel.send(message(), "k1")
    assert "lin@example.com" not in path.read_text()
    FileChannel(FileSettings(path=path, contact=True), context()).send(message(), "k2")
    assert lines(path)[1]["email"] == "lin@example.com"


def test_the_file_is_for_its_owner_alone(channel: FileChannel, path: Path) -> None:
    channel.send(message(), "k1")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_cannot_be_opened_is_tried_again(tmp_path: Path) -> None:
    channel = FileChannel(FileSettings(path=tmp_path / "gone" / "out.jsonl"), context())
    with pytest.raises(TransientError, match=r"out\.jsonl"):
        channel.send(message(), "k1")


def test_a_line_that_may_not_be_on_the_disk_is_not_confirmed(
    channel: FileChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(Unconfirmed, match="No space"):
        channel.send(message(), "k1")
