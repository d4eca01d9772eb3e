"""How a request is signed."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import requests
from pydantic import SecretStr
from requests.auth import AuthBase, HTTPBasicAuth

from crmsync.sdk.clock import Clock, SystemClock
from crmsync.sdk.errors import AuthError, PermanentError, TransientError
from crmsync.sdk.http.failure import Broken, Call
from crmsync.sdk.http.origin import Origin
from crmsync.sdk.http.token import Token, TokenStore
from crmsync.sdk.http.transport import Transport

Secret = str | SecretStr


def _plain(secret: Secret) -> str:
    return secret.get_secret_value() if isinstance(secret, SecretStr) else secret


class BasicAuth(HTTPBasicAuth):
    """User and password in the Authorization header."""

    def __init__(self, user: str, password: Secret) -> None:
        # As bytes in UTF-8: requests would encode text as Latin-1.
        super().__init__(user.encode(), _plain(password).encode())


class HeaderKey(AuthBase):
    """A key in a header of the platform's choosing."""

    def __init__(self, header: str, key: Secret) -> None:
        self._header = header
        self._key = key

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        r.headers[self._header] = _plain(self._key)
        return r


class BearerToken(HeaderKey):
    """A token that does not change, in the Authorization header."""

    def __init__(self, token: Secret) -> None:
        super().__init__("Authorization", f"Bearer {_plain(token)}")


class QueryKey(AuthBase):
    """A key as a parameter of the URL."""

    def __init__(self, parameter: str, key: Secret) -> None:
        self._parameter = parameter
        self._key = key

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        r.prepare_url(r.url or "", {self._parameter: _plain(self._key)})
        return r


class TokenAuth(AuthBase):
    """A token that expires and is renewed through the host's token store.

    A subclass says how to `fetch` one and, where it is not a bearer token, how to `sign` with it.
    Renewed before its end, and once when the platform refuses it earlier.
    """

    def __init__(
        self,
        tokens: TokenStore,
        *,
        name: str = "access",
        clock: Clock | None = None,
        leeway: timedelta = timedelta(seconds=60),
    ) -> None:
        self._tokens = tokens
        self._name = name
        self._clock = clock or SystemClock()
        self._leeway = leeway
        self._token: Token | None = None

    @abstractmethod
    def fetch(self, current: Token | None) -> Token:
        """Obtain a new token, with the refresh token of the current one where the platform wants it."""

    def sign(self, request: requests.PreparedRequest, token: Token) -> None:
        """Put the token into the request."""
        request.headers["Authorization"] = f"Bearer {token.value}"

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        token = self._current()
        self.sign(r, token)
        r.__dict__["crmsync_token"] = token
        return r

    def refresh(self, refused: requests.PreparedRequest) -> None:
        """Renew the token this request carried, unless somebody else has already."""
        self._token = self._tokens.refresh(self._name, refused.__dict__.get("crmsync_token"), self.fetch)

    def _current(self) -> Token:
        token = self._token
        if token is None or self._is_due(token):
            # Another process may have renewed it meanwhile.
            token = self._tokens.get(self._name)
        if token is None or self._is_due(token):
            token = self._tokens.refresh(self._name, token, self.fetch)
        self._token = token
        return token

    def _is_due(self, token: Token) -> bool:
        return token.expires_at is not None and self._clock.now() >= token.expires_at

    def _end(self, lifetime: float, now: datetime) -> datetime:
        """When to stop using a token that lives so many seconds: before its end, but not at once."""
        early = min(self._leeway.total_seconds(), lifetime / 5)
        return now + timedelta(seconds=max(lifetime - early, 1))


class QueryToken(TokenAuth):
    """A token that expires, as a parameter of the URL.

    `obtain` asks the platform for one: its value, and the seconds it lives.
    """

    def __init__(
        self,
        parameter: str,
        obtain: Callable[[], tuple[str, float]],
        tokens: TokenStore,
        *,
        name: str = "access",
        clock: Clock | None = None,
        leeway: timedelta = timedelta(seconds=60),
    ) -> None:
        super().__init__(tokens, name=name, clock=clock, leeway=leeway)
        self._parameter = parameter
        self._obtain = obtain

    def fetch(self, current: Token | None) -> Token:
        """A new token. What the platform refuses for good is told as AuthError."""
        now = self._clock.now()
        try:
            value, lifetime = self._obtain()
        except PermanentError as error:
            raise AuthError(error.what, fix="Check the id and the secret of the account.") from error
        return Token(value, self._end(lifetime, now))

    def sign(self, request: requests.PreparedRequest, token: Token) -> None:
        request.prepare_url(request.url or "", {self._parameter: token.value})


class OAuth2ClientCredentials(TokenAuth):
    """OAuth 2.0 client credentials (RFC 6749, 4.4).

    `send_in`: where the token endpoint wants the client's secret, in the Authorization header
    (`header`) or in the form (`body`). `extra`: further fields of the form, such as an audience.
    """

    def __init__(
        self,
        token_url: str,
        client_id: str,
        client_secret: Secret,
        tokens: TokenStore,
        *,
        scope: str = "",
        extra: Mapping[str, str] | None = None,
        send_in: Literal["header", "body"] = "header",
        name: str = "access",
        clock: Clock | None = None,
        leeway: timedelta = timedelta(seconds=60),
        ca_file: Path | str | None = None,
    ) -> None:
        super().__init__(tokens, name=name, clock=clock, leeway=leeway)
        Origin.of(token_url)
        self._url = token_url
        self._id = client_id
        self._secret = client_secret
        self._form = {
            "grant_type": "client_credentials",
            **({"scope": scope} if scope else {}),
            **(extra or {}),
        }
        self._send_in = send_in
        self._ca_file = ca_file

    def fetch(self, current: Token | None) -> Token:
        """A new token from the token endpoint. Raises AuthError when it refuses the client."""
        now = self._clock.now()
        call = Call("the token endpoint", "POST", self._url, idempotent=True, tries=1)
        form, auth = dict(self._form), None
        if self._send_in == "header":
            # RFC 6749, 2.3.1: both halves are form-encoded before they are joined.
            auth = BasicAuth(quote(self._id, safe=""), quote(_plain(self._secret), safe=""))
        else:
            form |= {"client_id": self._id, "client_secret": _plain(self._secret)}
        request = requests.Request(
            "POST", self._url, data=form, auth=auth, headers={"Accept": "application/json"}
        )
        transport = Transport(ca_file=self._ca_file)
        try:
            response = transport.send(transport.prepare(request))
        except Broken as failure:
            raise call.lost(failure) from failure
        finally:
            transport.close()
        refusal = call.refusal(response, now)
        if isinstance(refusal, PermanentError):
            # 400 is how a token endpoint says `invalid_client` or `invalid_grant`.
            raise AuthError(refusal.what, fix="Check the client id, the client secret and the scope.")
        if refusal is not None:
            raise refusal
        return self._read(response, call, now)

    def _read(self, response: requests.Response, call: Call, now: datetime) -> Token:
        try:
            answer = response.json()
        except ValueError:
            raise TransientError(call.told("the answer is no JSON")) from None
        answer = answer if isinstance(answer, dict) else {}
        value = answer.get("access_token")
        if not isinstance(value, str) or not value:
            raise AuthError(
                call.told("the answer holds no access_token"),
                fix="Check the client id, the client secret and the scope.",
            )
        try:
            expires_at = self._end(float(answer["expires_in"]), now) if answer.get("expires_in") else None
        except (TypeError, ValueError, OverflowError):
            expires_at = None
        return Token(value, expires_at, answer.get("refresh_token"))
