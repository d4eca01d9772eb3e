"""HTTP for connectors: one session that times out, paces, retries, caps and redacts every call."""

from crmsync.sdk.http.pacing import Pacer, Wait
from crmsync.sdk.http.session import HttpSession
from crmsync.sdk.http.token import Token, TokenStore

__all__ = ["HttpSession", "Pacer", "Token", "TokenStore", "Wait"]
