"""What channels share whose platform trades the secret of an account for an access token."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import requests

from crmsync.sdk.error_code import ErrorCodes
from crmsync.sdk.http import HttpSession, QueryToken
from crmsync.sdk.over_http import OverHttp

_LIFETIME = 7200.0
"""Seconds that a token lives where the answer does not say: what WeCom, WeChat and DingTalk document."""


class TokenOverHttp(OverHttp):
    """OverHttp with an access token in the URL, as WeCom, WeChat and DingTalk want it; their answers tell of
    errors by an `errcode` in the body, 0 where there is none.

    `codes`: what these mean. `stale`: those by which the platform says that the token is no longer good.
    """

    codes: ClassVar[ErrorCodes]
    stale: ClassVar[frozenset[int]]

    @abstractmethod
    def ask_token(self, http: HttpSession) -> Mapping[str, Any]:
        """What the platform answers to the account's id and secret; `http` carries no token yet."""

    def auth(self) -> QueryToken:
        """The token, renewed before its end and when the platform says that it is stale."""
        return QueryToken("access_token", self._new_token, self.context.tokens, clock=self.context.clock)

    def inspect(self, response: requests.Response) -> None:
        """Raise AuthError for a stale token; every other code is for `posted` to tell."""
        answer = response.json()
        if isinstance(answer, dict) and answer.get("errcode") in self.stale:
            raise self.codes.error(answer["errcode"], self.context.clock.now())

    def posted(self, url: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to what is posted once and never again. Raises what its code amounts to."""
        answer: dict[str, Any] = self.http.request_json("POST", url, json=body, idempotent=False)
        if answer.get("errcode") != 0:
            raise self.codes.error(answer.get("errcode"), self.context.clock.now())
        return answer

    def _new_token(self) -> tuple[str, float]:
        session = self.context.http(auth=None, inspect=lambda response: None, rate_limits={})
        try:
            answer = self.ask_token(session)
        finally:
            session.close()
        if not answer.get("access_token"):
            raise self.codes.error(answer.get("errcode"), self.context.clock.now())
        return answer["access_token"], float(answer.get("expires_in") or _LIFETIME)
