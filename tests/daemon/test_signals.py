"""Signals, as the main thread takes them."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from crmsync.daemon.signals import Signals


def test_taken_in_order_however_early_they_came() -> None:
    with Signals() as signals:
        os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGTERM)
        assert signals.take() == "reload"
        assert signals.take() == "stop"
        os.kill(os.getpid(), signal.SIGINT)
        assert signals.take() == "stop"


def test_handlers_are_given_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with Signals():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_first_asks_the_work_to_stop() -> None:
    stop = threading.Event()

    def work() -> str:
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.wait(5)
        return "ended in good order"

    with Signals() as signals:
        assert signals.run(work, stop) == "ended in good order"


def test_the_second_interrupts() -> None:
    stop, forever = threading.Event(), threading.Event()

    def work() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        stop.wait(5)
        os.kill(os.getpid(), signal.SIGINT)
        forever.wait(5)

    with Signals() as signals, pytest.raises(KeyboardInterrupt):
        signals.run(work, stop)
    forever.set()


def test_work_that_outlives_its_signals_writes_into_nothing_opened_since() -> None:
    stop, forever = threading.Event(), threading.Event()
    workers: list[threading.Thread] = []

    def work() -> None:
        workers.append(threading.current_thread())
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
            stop.wait(5)
        forever.wait(5)

    with Signals() as signals, pytest.raises(KeyboardInterrupt):
        signals.run(work, stop)
    opened = [os.pipe() for _ in range(8)]
    forever.set()
    workers[0].join(5)
    for read, write in opened:
        os.close(write)
        assert os.read(read, 1) == b""
        os.close(read)


def test_what_the_work_raises_is_raised() -> None:
    def work() -> None:
        raise LookupError("nothing there")

    with Signals() as signals, pytest.raises(LookupError, match="nothing there"):
        signals.run(work, threading.Event())
