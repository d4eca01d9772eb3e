"""What WeCom's error codes mean."""

from __future__ import annotations

from datetime import timedelta

from crmsync.sdk import AuthError, ErrorCode, ErrorCodes, RateLimited, TransientError

STALE_TOKEN = frozenset({40014, 41001, 42001})

_TOKEN = ErrorCode(AuthError, "the access token is not accepted", "Check corp_id and secret.")
CODES = ErrorCodes(
    "WeCom",
    {
        **{str(code): _TOKEN for code in STALE_TOKEN},
        "40001": ErrorCode(AuthError, "the secret is wrong", "Check corp_id and secret."),
        "40013": ErrorCode(AuthError, "the corporation's id is wrong", "Check corp_id."),
        "45009": ErrorCode(RateLimited, "the quota of calls is used up", pause=timedelta(minutes=1)),
        "45033": ErrorCode(RateLimited, "too many calls at the same time", pause=timedelta(minutes=1)),
        "93000": ErrorCode(AuthError, "no robot has this key", "Copy key from the robot's address."),
        "-1": ErrorCode(TransientError, "the system is busy"),
    },
)
