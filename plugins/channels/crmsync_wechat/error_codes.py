"""What WeChat's error codes mean."""

from __future__ import annotations

from datetime import timedelta

from crmsync.sdk import AuthError, ErrorCode, ErrorCodes, PermanentError, RateLimited, TransientError

STALE_TOKEN = frozenset({40001, 40014, 42001})

_TOKEN = ErrorCode(AuthError, "the access token is not accepted", "Check app_id and secret.")
CODES = ErrorCodes(
    "WeChat",
    {
        **{str(code): _TOKEN for code in STALE_TOKEN},
        "40013": ErrorCode(AuthError, "the AppID is wrong", "Check app_id."),
        "40125": ErrorCode(AuthError, "the AppSecret is wrong", "Check secret."),
        "40164": ErrorCode(
            AuthError, "this address is not on the account's list", "Add it on the account's pages."
        ),
        "40003": ErrorCode(PermanentError, "the openid is not one of this account"),
        "40037": ErrorCode(PermanentError, "there is no such template"),
        "43004": ErrorCode(PermanentError, "the customer does not follow the account"),
        "43101": ErrorCode(PermanentError, "the customer refused, or has used up what they agreed to"),
        "47003": ErrorCode(PermanentError, "a value breaks the rules of the template"),
        "43117": ErrorCode(TransientError, "this customer has had too many messages for now"),
        "45009": ErrorCode(RateLimited, "the day's quota is used up", pause=timedelta(hours=1)),
        "45011": ErrorCode(RateLimited, "the minute's quota is used up", pause=timedelta(minutes=1)),
        "-1": ErrorCode(TransientError, "the system is busy"),
    },
)
