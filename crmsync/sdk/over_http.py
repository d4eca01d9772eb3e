"""What every channel that speaks HTTP shares."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import ClassVar

import requests

from crmsync.sdk.connector import Context
from crmsync.sdk.http import HttpSession
from crmsync.sdk.settings import Rate


class OverHttp:
    """Mixed into a Channel or a TeamChannel: a session of the host's, opened when it is first used.

    `rate` is how often the platform may be called.
    """

    rate: ClassVar[Rate | None] = None
    context: Context

    def auth(self) -> requests.auth.AuthBase | None:
        """How a request is signed."""
        return None

    def inspect(self, response: requests.Response) -> None:
        """Raise AuthError when a 2xx body says that the token is stale; it is renewed once."""

    def rate_limits(self) -> Mapping[str, Rate]:
        """The quotas by name; a request names the one it uses, or uses `default`."""
        return {"default": self.rate} if self.rate is not None else {}

    @cached_property
    def http(self) -> HttpSession:
        """The session for every call: timed out, paced, retried and redacted by the host."""
        return self.context.http(auth=self.auth(), inspect=self.inspect, rate_limits=self.rate_limits())

    def close(self) -> None:
        """Close the session, if there is one."""
        if "http" in vars(self):
            self.http.close()
