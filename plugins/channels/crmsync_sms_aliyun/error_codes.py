"""What the codes of Alibaba Cloud SMS mean."""

from __future__ import annotations

from crmsync.sdk import AuthError, ErrorCode, ErrorCodes, PermanentError, RateLimited, TransientError

_KEYS = "Check access_key_id, access_key_secret and what its user may do."
CODES = ErrorCodes(
    "Alibaba Cloud SMS",
    {
        "Throttling*": ErrorCode(RateLimited, "too many calls"),
        "isp.*": ErrorCode(TransientError, "its system failed"),
        # Of one number, not of the account: the others may go on.
        "isv.BUSINESS_LIMIT_CONTROL": ErrorCode(TransientError, "this number has had its share of messages"),
        "isv.AMOUNT_NOT_ENOUGH": ErrorCode(AuthError, "the account is empty", "Top it up."),
        "isv.OUT_OF_SERVICE": ErrorCode(AuthError, "the service is suspended", "See the account's pages."),
        "isv.SMS_SIGNATURE_ILLEGAL": ErrorCode(
            AuthError, "the signature is not an approved one of this account", "Check sign_name."
        ),
        "isv.MOBILE_NUMBER_ILLEGAL": ErrorCode(PermanentError, "this is no phone number"),
        "isv.SMS_TEMPLATE_ILLEGAL": ErrorCode(PermanentError, "there is no such approved template"),
        "isv.TEMPLATE_MISSING_PARAMETERS": ErrorCode(
            PermanentError, "the text lacks a value of the template"
        ),
        "SignatureDoesNotMatch": ErrorCode(AuthError, "the secret is wrong", _KEYS),
        "InvalidAccessKeyId*": ErrorCode(AuthError, "the key is unknown", _KEYS),
        "Forbidden*": ErrorCode(AuthError, "the key may not do this", _KEYS),
        "InvalidTimeStamp*": ErrorCode(
            AuthError, "this machine's clock is wrong by more than 15 minutes", "Run an NTP client."
        ),
        "SignatureNonceUsed": ErrorCode(TransientError, "the request was seen before"),
    },
)
