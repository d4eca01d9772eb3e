"""Signals, taken one by one by the main thread while the work is done in others.

Python runs a handler between two instructions of the main thread, and a wait that begins just before
would sleep on. So the handlers do nothing: the interpreter itself sends each signal's number through a
pair of sockets, and the main thread receives it.
"""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
from collections.abc import Callable
from typing import Any, Literal, Self, TypeVar

Request = Literal["stop", "reload"]
T = TypeVar("T")

_MEANING: dict[int, Request] = {
    signal.SIGTERM: "stop",
    signal.SIGINT: "stop",
    signal.SIGHUP: "reload",
}
_DONE = 0


class Signals:
    """While it is entered, SIGTERM and SIGINT ask to stop and SIGHUP asks to reload."""

    def __enter__(self) -> Self:
        self._receiver, self._sender = socket.socketpair()
        self._sender.setblocking(False)
        self._wakeup = signal.set_wakeup_fd(self._sender.fileno())
        self._before: dict[int, Any] = {number: signal.signal(number, lambda *_: None) for number in _MEANING}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup)
        self._receiver.close()
        self._sender.close()

    def take(self) -> Request:
        """The next request; waits for it."""
        while (request := _MEANING.get(self._next())) is None:
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
                # Closed when we were interrupted and nobody listens any more. By its number alone it might
                # be something else by then, a database for one.
                with contextlib.suppress(OSError):
                    self._sender.send(bytes([_DONE]))

        threading.Thread(target=do, name="work", daemon=True).start()
        while (number := self._next()) != _DONE:
            if _MEANING.get(number) == "stop":
                if stop.is_set():
                    raise KeyboardInterrupt
                stop.set()
        if failed:
            raise failed[0]
        return done[0]

    def _next(self) -> int:
        return self._receiver.recv(1)[0]
