"""What a site says of itself to everybody: its name, its clock, and whether WooCommerce is there."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from crmsync.sdk import PermanentError, TransientError
from crmsync_woocommerce.api import Api, Row

NAMESPACE = "wc/v3"


def site(api: Api) -> Row:
    """The site's index. Raises PermanentError when it has no WooCommerce API."""
    try:
        index = api.index()
    except PermanentError as error:
        raise PermanentError(
            error.what,
            fix="Check the shop's address, and that its REST API is on. With plain permalinks set "
            "`plain_permalinks`, or better choose others in the shop under Settings, Permalinks.",
        ) from None
    if not isinstance(index, dict):
        raise TransientError("The site's index is not what WordPress gives.")
    namespaces = index.get("namespaces")
    if isinstance(namespaces, list) and NAMESPACE not in namespaces:
        raise PermanentError(
            f"The site has no {NAMESPACE}: WooCommerce is not active there, or older than 3.5.",
            fix="Activate or update the plugin WooCommerce.",
        )
    return index


def zone_of(index: Row) -> str | None:
    """The IANA name of the site's zone. A site may be set to a bare offset instead."""
    named = index.get("timezone_string")
    if isinstance(named, str) and named and _exists(named):
        return named
    try:
        offset = float(index.get("gmt_offset") or 0)
    except (TypeError, ValueError):
        return None
    if not offset:
        return "UTC"
    # The names of fixed offsets have the opposite sign, and whole hours alone.
    fixed = f"Etc/GMT{-offset:+.0f}"
    return fixed if offset.is_integer() and _exists(fixed) else None


def currency_of(api: Api) -> str | None:
    """The currency that the shop's prices are in, where the key may ask for it."""
    try:
        answer: Any = api.get("data/currencies/current")
    except PermanentError:
        return None
    code = answer.get("code") if isinstance(answer, dict) else None
    return code if isinstance(code, str) and len(code) == 3 and code.isupper() else None


def _exists(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True
