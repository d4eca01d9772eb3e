"""Coupons: one code for one customer, made from the key, so that a repeated key gives the same coupon."""

from __future__ import annotations

from base64 import b32encode
from hashlib import sha256
from typing import Any

from crmsync.sdk import Clock, PermanentError, Receipt
from crmsync_woocommerce.account import GUEST, buyer_email, orders_of
from crmsync_woocommerce.api import Api, Row
from crmsync_woocommerce.settings import CouponTerms, WooSettings
from crmsync_woocommerce.walk import naive_utc, utc


class Coupons:
    """The coupons of one shop."""

    def __init__(self, api: Api, settings: WooSettings, connection: str, clock: Clock) -> None:
        self._api = api
        self._settings = settings
        self._connection = connection
        self._clock = clock

    def issue(self, account: str, name: str, key: str) -> Receipt:
        """Issue the coupon of that name to an account; the receipt's reference is its code.

        A code exists once in a shop, so the shop itself refuses a second coupon under the same key. Raises
        PermanentError when no coupon has that name, or the account no e-mail address to bind it to.
        """
        terms = self._settings.coupons.get(name)
        if terms is None:
            known = ", ".join(sorted(self._settings.coupons)) or "none"
            raise PermanentError(
                f"There is no coupon {name[:40]!r}.",
                fix=f"Describe it in the connection's `coupons`; there are: {known}.",
            )
        code = self._code(key)
        body = self._body(code, terms, self._email(account))
        try:
            coupon = self._api.post("coupons", body, idempotent=True)
        except PermanentError:
            found = self._find(code)
            if found is None:
                raise
            return _receipt(code, found, repeated=True)
        return _receipt(code, coupon)

    def _body(self, code: str, terms: CouponTerms, email: str) -> Row:
        body: Row = {
            "code": code,
            "discount_type": terms.kind,
            "amount": str(terms.amount),
            "individual_use": terms.alone,
            "usage_limit": terms.uses,
            "usage_limit_per_user": terms.uses,
            "email_restrictions": [email],
        }
        if terms.minimum is not None:
            body["minimum_amount"] = str(terms.minimum)
        if terms.valid_for is not None:
            body["date_expires_gmt"] = naive_utc(self._clock.now() + terms.valid_for)
        return body

    def _code(self, key: str) -> str:
        # In lower case, as the shop keeps codes.
        digest = b32encode(sha256(f"{self._connection}:{key}".encode()).digest())
        return self._settings.coupon_prefix + digest.decode()[:12].lower()

    def _find(self, code: str) -> Row | None:
        rows = self._api.list("coupons", {"code": code}).rows
        return next((row for row in rows if str(row.get("code")).lower() == code), None)

    def _email(self, account: str) -> str:
        if account.startswith(GUEST):
            order = next(orders_of(self._api, account, self._connection), None)
            email = buyer_email(order) if order else ""
        else:
            email = str(self._api.get(f"customers/{account}").get("email") or "")
        if not email:
            raise PermanentError(
                f"The account {account} has no e-mail address to bind a coupon to.",
                fix="Without one anybody could use it; issue it in the shop by hand.",
            )
        return email


def _receipt(code: str, coupon: Any, *, repeated: bool = False) -> Receipt:
    try:
        at = utc(coupon.get("date_created_gmt")) if isinstance(coupon, dict) else None
    except ValueError:
        at = None
    return Receipt(code, at, repeated)
