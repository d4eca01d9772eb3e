"""Signals, taken one by one by the main thread while the work is done in others.

A handler runs between any two instructions of the main thread, perhaps with a lock in its hand. All
that ours do is put a word into a queue made for that.
"""

from __future__ import annotations

import queue
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Literal, Self, TypeVar

Request = Literal["stop", "reload"]
T = TypeVar("T")

_MEANING: dict[signal.Signals, Request] = {
    signal.SIGTERM: "stop",
    signal.SIGINT: "stop",
    signal.SIGHUP: "reload",
}


class Signals:
    """While it is entered, SIGTERM and SIGINT ask to stop and SIGHUP asks to reload."""

    def __init__(self) -> None:
        self._requests: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        for number in _MEANING:
            self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self._requests.put(_MEANING[signal.Signals(number)])

    def take(self) -> Request:
        """The next request; waits for it."""
        while (request := self._requests.get()) is None:
            continue
        return request

    def run(self, work: Callable[[], T], stop: threading.Event) -> T:
        """Do the work in a thread; the first request to stop sets `stop`, the second interrupts.

        Raises what the work raises, and KeyboardInterrupt.
        """
        done: list[T] = []
        failed: list[BaseException] = []

        def do() -> None:
            try:
                done.append(work())
            except BaseException as error:
                failed.append(error)
            finally:
                self._requests.put(None)

        threading.Thread(target=do, name="work", daemon=True).start()
        while (request := self._requests.get()) is not None:
            if request == "stop":
                if stop.is_set():
                    raise KeyboardInterrupt
                stop.set()
        if failed:
            raise failed[0]
        return done[0]
