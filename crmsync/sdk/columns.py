"""Every column a rule finds in its facts: what it means, in what unit. The reference is made from this."""

from __future__ import annotations

from dataclasses import dataclass

from crmsync.sdk.rule import Subject


@dataclass(frozen=True, slots=True)
class Column:
    """One column of facts; `derived` ones follow from the others and the clock when facts are read."""

    name: str
    meaning: str
    unit: str = "count"
    derived: bool = False


_MONEY = "minor units of `currency`"

_SALES = (
    Column("orders", "valid orders 有效订单: neither pending nor cancelled"),
    Column("delivered_orders", "valid orders that were delivered"),
    Column("currency", "the currency most of the valid orders are in", "ISO 4217"),
    Column("currency_orders", "valid orders in `currency`"),
    Column("gross", "valid orders in `currency`, before refunds", _MONEY),
    Column("refunded", "refunds completed in `currency`", _MONEY),
)
_SAID = (
    Column("refunds", "refunds, returns and exchanges asked for and not refused or cancelled 退款退换"),
    Column("returns", "of these, returns of goods 退货"),
    Column("exchanges", "of these, exchanges 换货"),
    Column("reviews", "reviews 评价"),
    Column("good_reviews", "good reviews 好评"),
    Column("neutral_reviews", "neutral reviews 中评"),
    Column("bad_reviews", "bad reviews 差评"),
    Column("complaints", "conversations and refunds with a complaint type 投诉"),
)
_MONEY_DERIVED = (
    Column("net", "gross less refunded", _MONEY, derived=True),
    Column("average_order", "net per valid order in `currency` 客单价 (per order)", _MONEY, derived=True),
)
_TROUBLE = (
    Column(
        "troubled_orders",
        "valid orders with a bad review, a counted refund or a complaint other than a suggestion, once each",
    ),
    Column("troubled_delivered", "of these, delivered ones"),
    Column("refunded_orders", "valid orders with a counted refund, return or exchange"),
    Column("complaints_product", "complaints of type product 产品"),
    Column("complaints_logistics", "complaints of type logistics 物流"),
    Column("complaints_service", "complaints of type service 服务"),
    Column("complaints_contract", "complaints of type contract 合同"),
    Column("complaints_suggestion", "suggestions 建议"),
    Column("complaints_other", "complaints of type other 其他"),
    Column("evidence", "the latest troubled orders, three at most, one a line", "order ids"),
    Column("trouble_rate", "troubled_orders ÷ orders 投诉率 (per valid order)", "share", derived=True),
    Column("refund_rate", "refunded_orders ÷ orders 退换货率", "share", derived=True),
    Column("bad_review_rate", "bad_reviews ÷ reviews 差评率", "share", derived=True),
    Column("poor_review_rate", "(neutral + bad reviews) ÷ reviews 中差评率", "share", derived=True),
)

COLUMNS: dict[Subject, tuple[Column, ...]] = {
    "customer": (
        *_SALES,
        *_SAID,
        *_MONEY_DERIVED,
        Column("first_order_at", "the first valid order", "seconds since 1970"),
        Column("last_order_at", "the last valid order", "seconds since 1970"),
        Column("first_day", "the shop's day of the first valid order", "days since 1970"),
        Column("last_day", "the shop's day of the last valid order", "days since 1970"),
        Column("purchase_days", "different days with a valid order"),
        Column("late_orders", "delivered orders that came after the promised time"),
        Column("cancelled_orders", "cancelled orders"),
        Column("units", "pieces bought"),
        Column("products", "different products bought"),
        Column("conversations", "talks with the shop's agents"),
        Column("recency_days", "since the last valid order", "days", derived=True),
        Column("tenure_days", "since the first valid order", "days", derived=True),
        Column("x", "repeat purchases: purchase_days − 1", derived=True),
        Column("t_x", "from the first purchase to the last", "days", derived=True),
        Column("T", "from the first purchase to now, whole days", "days", derived=True),
        Column("mean_gap_days", "mean time between purchases, t_x ÷ x", "days", derived=True),
    ),
    "product": (*_SALES, *_SAID, *_MONEY_DERIVED, *_TROUBLE, Column("units", "pieces sold")),
    "shop": (
        *_SALES,
        *_SAID,
        *_MONEY_DERIVED,
        *_TROUBLE,
        Column("late_orders", "delivered orders that came after the promised time"),
        Column("cancelled_orders", "cancelled orders"),
        Column("customers", "accounts with a valid order"),
        Column("inquiries", "conversations with customers 咨询"),
        Column("first_order_at", "the first valid order", "seconds since 1970"),
        Column("last_order_at", "the last valid order", "seconds since 1970"),
    ),
    "agent": (
        *_SALES,
        *_SAID,
        *_MONEY_DERIVED,
        *_TROUBLE,
        Column("inquiries", "conversations with customers 咨询"),
        Column("answered", "of these, with a first reply"),
        Column("response_time", "from first question to first reply, over all answered", "seconds"),
        Column("consulted", "different customers who asked"),
        Column("converted", "of these, customers who bought within three days of asking"),
        Column("ratings", "rated conversations"),
        Column("bad_ratings", "of these, rated 2 of 5 or less"),
        Column("troubled_inquiries", "conversations badly rated or with a complaint of service"),
        Column("mean_response", "response_time ÷ answered 平均响应时间", "seconds", derived=True),
        Column("conversion_rate", "converted ÷ consulted 咨询转化率", "share", derived=True),
    ),
}
"""What `facts[name]` holds, per subject. Missing values are NaN, or None where the column is text."""

TEXT = frozenset({"currency", "evidence"})
INSTANTS = frozenset({"first_order_at", "last_order_at"})


def stored(subject: Subject) -> list[str]:
    """The columns that fact tables hold."""
    return [column.name for column in COLUMNS[subject] if not column.derived]
