"""Why a message was not planned or not sent, in words a person reads; the catalogues hold the Chinese."""

from __future__ import annotations

from crmsync.sdk import mark

NO_CONSENT = mark("no consent")
REFUSED = mark("the customer refused")
UNCONFIRMED = mark("the consent is not confirmed")
SUPPRESSED = mark("on the suppression list")
CONTROL_GROUP = mark("control group")
HOLDOUT = mark("held out of all campaigns")
OUTRANKED = mark("made way for a campaign of higher priority")
ACCOUNT_GONE = mark("the account is gone")
ERASED = mark("the customer was erased")

NO_ACCOUNT = mark("no account to write to")
COOLDOWN = mark("within the cooldown")
CUSTOMER_LIMIT = mark("the customer's limit of messages is reached")
ALREADY_PLANNED = mark("already planned")
TEMPLATE_FAILED = mark("the template cannot be rendered")
CHANNEL_UNAVAILABLE = mark("the channel is not available")
CHANNEL_PURPOSE = mark("the channel does not carry messages of this purpose")

QUIET_HOURS = mark("quiet hours")
HOLIDAY = mark("a holiday")
DAILY_CAP = mark("the daily cap is reached")
RULE_CAP = mark("the daily cap of the rule is reached")
SECOND_APPROVAL = mark("one more person must approve")
EXPIRED = mark("not sent in time")
TOO_MANY_ATTEMPTS = mark("too many attempts")
MAY_HAVE_ARRIVED = mark("an attempt may have reached the customer")
CANCELLED = mark("cancelled by hand")

EVERY = tuple(value for name, value in list(globals().items()) if name.isupper() and isinstance(value, str))
"""All of these: texts that tell nothing of a customer."""
