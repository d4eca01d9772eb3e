"""The ways a request is signed, as they are configured."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urljoin

from pydantic import Field, SecretStr
from requests.auth import AuthBase

from crmsync.sdk import Clock, Settings, TokenStore
from crmsync.sdk.http import BasicAuth, BearerToken, HeaderKey, OAuth2ClientCredentials, QueryKey


class Basic(Settings):
    """A user and a password in the Authorization header."""

    kind: Literal["basic"]
    user: str = Field(description="The user, or the key's id.")
    password: SecretStr = Field(description="The password, or the key's secret.")


class Bearer(Settings):
    """A token that does not change, in the Authorization header."""

    kind: Literal["bearer"]
    token: SecretStr = Field(description="The token.")


class Header(Settings):
    """A key in a header of its own."""

    kind: Literal["header"]
    name: str = Field(description="The header's name: X-Api-Key.")
    value: SecretStr = Field(description="The key.")


class Query(Settings):
    """A key as a parameter of every URL."""

    kind: Literal["query"]
    name: str = Field(description="The parameter's name: api_key.")
    value: SecretStr = Field(description="The key.")


class OAuth2(Settings):
    """OAuth 2.0 client credentials."""

    kind: Literal["oauth2"]
    token_url: str = Field(description="The token endpoint, as a URL or as a path below base_url.")
    client_id: str = Field(description="The client's id.")
    client_secret: SecretStr = Field(description="The client's secret.")
    scope: str = Field("", description="The scopes to ask for, with blanks between them.")
    extra: dict[str, str] = Field({}, description="Further fields of the form, such as an audience.")
    send_in: Literal["header", "body"] = Field("header", description="Where the secret is sent.")


Auth = Annotated[Basic | Bearer | Header | Query | OAuth2, Field(discriminator="kind")]


def signer(auth: Auth, base_url: str, tokens: TokenStore, clock: Clock) -> AuthBase:
    """What signs the requests of a connection."""
    match auth:
        case Basic():
            return BasicAuth(auth.user, auth.password)
        case Bearer():
            return BearerToken(auth.token)
        case Header():
            return HeaderKey(auth.name, auth.value)
        case Query():
            return QueryKey(auth.name, auth.value)
        case OAuth2():
            url = urljoin(f"{base_url}/", auth.token_url.removeprefix("/"))
            return OAuth2ClientCredentials(
                url,
                auth.client_id,
                auth.client_secret,
                tokens,
                scope=auth.scope,
                extra=auth.extra,
                send_in=auth.send_in,
                clock=clock,
            )
