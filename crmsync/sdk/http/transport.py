"""One request over the wire and its whole answer: timed out, capped, never leaving its origin by itself."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import requests
import urllib3

from crmsync.sdk.http.body import keep
from crmsync.sdk.http.failure import Broken, broken

_CHUNK = 1 << 18


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how large one answer may be: seconds, and bytes after decompression.

    `connect` and `read` bound each silence, `total` the whole answer: a server that drips a byte a
    second is never silent.
    """

    connect: float = 10
    read: float = 60
    total: float = 300
    size: int = 32 * 1024 * 1024


class _Session(requests.Session):
    """requests without its own redirects: it would read their bodies whole, and follow them anywhere."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        return None


class Transport:
    """Sends single requests. The errors of requests quote URLs whole, so none of them gets out.

    Neither environment, .netrc nor proxy settings change what it does.

    `ca_file`: certificates to trust instead of the usual ones, for a platform with its own.
    """

    def __init__(self, limits: Limits | None = None, *, ca_file: Path | str | None = None) -> None:
        self.limits = limits or Limits()
        self._session = _Session()
        self._session.trust_env = False
        self._session.verify = str(ca_file) if ca_file is not None else True
        self._session.headers["User-Agent"] = "crmsync"
        # Whatever else is installed: these two decompress in bounded steps.
        self._session.headers["Accept-Encoding"] = "gzip, deflate"

    def prepare(self, request: requests.Request) -> requests.PreparedRequest:
        """The request as it goes out, signed. Raises Broken when it cannot be built."""
        try:
            return self._session.prepare_request(request)
        except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
            raise broken(error) from None

    def send(self, request: requests.PreparedRequest) -> requests.Response:
        """The answer, read to its end. Raises Broken when there is none, or no whole one."""
        end = time.monotonic() + self.limits.total
        try:
            response = self._session.send(
                request, stream=True, timeout=(self.limits.connect, self.limits.read), allow_redirects=False
            )
        except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError, OSError) as error:
            raise broken(error) from None
        try:
            response._content = self._read(response, end)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise broken(error) from None
        finally:
            response.close()
        response._content_consumed = True
        keep(response)
        return response

    def _read(self, response: requests.Response, end: float) -> bytes:
        # read1 returns what has arrived; read would sit out a dripping server inside one call.
        read1 = response.raw.read1
        chunks = []
        size = 0
        while chunk := read1(_CHUNK, decode_content=True):
            chunks.append(chunk)
            size += len(chunk)
            if size > self.limits.size:
                raise Broken(
                    f"the answer is larger than {_megabytes(self.limits.size)}", sent=True, final=True
                )
            if time.monotonic() > end:
                raise Broken(f"the answer is not complete after {self.limits.total:g} s", sent=True)
        return b"".join(chunks)

    def close(self) -> None:
        """Close the connections that are kept open."""
        self._session.close()


def _megabytes(size: int) -> str:
    return f"{size / 1024 / 1024:g} MB"
