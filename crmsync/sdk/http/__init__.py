"""HTTP for connectors: one session that times out, paces, retries, caps and redacts every call."""

from crmsync.sdk.http.auth import (
    BasicAuth,
    BearerToken,
    HeaderKey,
    OAuth2ClientCredentials,
    QueryKey,
    QueryToken,
    TokenAuth,
)
from crmsync.sdk.http.pacing import MemoryPacer, Pacer, Wait
from crmsync.sdk.http.retry import Patience
from crmsync.sdk.http.session import HttpSession
from crmsync.sdk.http.token import MemoryTokenStore, Token, TokenStore
from crmsync.sdk.http.transport import Limits

__all__ = [
    "BasicAuth",
    "BearerToken",
    "HeaderKey",
    "HttpSession",
    "Limits",
    "MemoryPacer",
    "MemoryTokenStore",
    "OAuth2ClientCredentials",
    "Pacer",
    "Patience",
    "QueryKey",
    "QueryToken",
    "Token",
    "TokenAuth",
    "TokenStore",
    "Wait",
]
