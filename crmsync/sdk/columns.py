"""Every column a rule finds in its facts: what it means, in what unit. The reference is made from this."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from crmsync.sdk.rule import Subject

Kind = Literal["number", "money", "share", "days", "seconds", "moment", "day", "text"]
"""What may be compared with a column: `moment` and `day` are times, `days` and `seconds` lengths of time."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of facts; `derived` ones follow from the others and the clock when facts are read."""

    name: str
    meaning: str
    unit: str = "count"
    derived: bool = False

    @property
    def kind(self) -> Kind:
        """What its values are, by their unit."""
        return _KINDS.get(self.unit, "text" if self.name in TEXT else "number")


_MONEY = "minor units of `currency`"
_KINDS: dict[str, Kind] = {
    _MONEY: "money",
    "share": "share",
    "days": "days",
    "seconds": "seconds",
    "seconds since 1970": "moment",
    "days since 1970": "day",
}

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
    Column("refunded_orders", "valid orders with a counted refund, return or exchange"),
    Column("reviews", "reviews 评价"),
    Column("good_reviews", "good reviews 好评"),
    Column("neutral_reviews", "neutral reviews 中评"),
    Column("bad_reviews", "bad reviews 差评"),
    Column(
        "complaints",
        "conversations, refunds and (but for customers) bad reviews with a complaint type 投诉",
    ),
    Column("complaints_product", "complaints of type product 产品"),
    Column("complaints_logistics", "complaints of type logistics 物流"),
    Column("complaints_service", "complaints of type service 服务"),
    Column("complaints_contract", "complaints of type contract 合同"),
    Column("complaints_suggestion", "suggestions 建议"),
    Column("complaints_other", "complaints of type other 其他"),
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
    Column("late_orders", "delivered orders that came after the promised time"),
    Column("evidence", "the latest troubled orders, three at most, one a line", "order ids"),
    Column(
        "weekly",
        "the last 26 weeks with a valid order, oldest first, one a line: `week tries hits`; week is the"
        " shop's day of the order since 1970 ÷ 7, tries are valid orders, hits the troubled ones of these",
        "text",
    ),
    Column("trouble_rate", "troubled_orders ÷ orders 投诉率 (per valid order)", "share", derived=True),
    Column(
        "complaint_rate", "complaints ÷ orders 投诉率 (complaints per valid order)", "share", derived=True
    ),
    Column("refund_rate", "refunded_orders ÷ orders 退换货率 (any refund)", "share", derived=True),
    Column(
        "return_rate",
        "(returns + exchanges) ÷ delivered_orders 退换货率 (goods only)",
        "share",
        derived=True,
    ),
    Column("bad_review_rate", "bad_reviews ÷ reviews 差评率", "share", derived=True),
    Column("poor_review_rate", "(neutral + bad reviews) ÷ reviews 中差评率", "share", derived=True),
    Column(
        "poor_reviews_per_order",
        "(neutral + bad reviews) ÷ orders 中差评率 (per order)",
        "share",
        derived=True,
    ),
)

_PER_CUSTOMER = Column("average_customer", "net ÷ customers 客单价 (per customer)", _MONEY, derived=True)

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
        Column("categories", "different categories bought, of products that have one"),
        Column("conversations", "talks with the shop's agents"),
        Column("gap_squares", "sum of the squared gaps between purchases", "days²"),
        Column("last_gap_days", "between the last purchase and the one before", "days"),
        Column("last_three", "the last three valid orders in `currency`", _MONEY),
        Column("due_at", "the earliest promised time of orders still awaited", "seconds since 1970"),
        Column("due_order", "the order promised for then", "order id"),
        Column(
            "last_trouble_at",
            "the last bad review, counted refund, or complaint other than a suggestion",
            "seconds since 1970",
        ),
        Column(
            "troubles",
            "the last refund, bad review and complaint, one a line: `at kind type order`; at in microseconds,"
            " kind refund, return, exchange, review or complaint, `-` where there is no type or order",
            "text",
        ),
        Column("refunds_after_delivery", "counted refunds asked for after the order had come"),
        Column("orders_after_trouble", "valid orders placed after the first bad review, complaint or refund"),
        Column("messages_received", "messages of campaigns sent to the customer"),
        Column("messages_answered", "of these, followed by a valid order within `facts.answer_window`"),
        Column("r_score", "recency: which fifth of all buyers by last_order_at, 5 the latest", "1 to 5"),
        Column("f_score", "frequency: which fifth of all buyers by orders, 5 the most", "1 to 5"),
        Column("m_score", "money: which fifth by net of the buyers in this currency, 5 the most", "1 to 5"),
        Column("recency_days", "since the last valid order", "days", derived=True),
        Column("tenure_days", "since the first valid order", "days", derived=True),
        Column("x", "repeat purchases: purchase_days − 1", derived=True),
        Column("t_x", "from the first purchase to the last", "days", derived=True),
        Column("T", "from the first purchase to now, whole days", "days", derived=True),
        Column("mean_gap_days", "mean time between purchases, t_x ÷ x", "days", derived=True),
        Column("gap_sd_days", "standard deviation of these times, from two on", "days", derived=True),
        Column("last_three_average", "last_three per order", _MONEY, derived=True),
    ),
    "product": (
        *_SALES,
        *_SAID,
        *_MONEY_DERIVED,
        *_TROUBLE,
        Column("units", "pieces sold"),
        Column("category", "the shop's category of it", "text"),
        Column(
            "companions",
            "the 20 products most often in one valid order with it, of orders of at most 50 products,"
            " one a line: `product_id together`",
            "text",
        ),
        Column("basket_orders", "valid orders of the shop", derived=True),
    ),
    "shop": (
        *_SALES,
        *_SAID,
        *_MONEY_DERIVED,
        *_TROUBLE,
        Column("cancelled_orders", "cancelled orders"),
        Column("customers", "accounts with a valid order"),
        _PER_CUSTOMER,
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
        Column("converted", "of these, customers who bought within `facts.consult_window` of asking"),
        Column("ratings", "rated conversations"),
        Column("bad_ratings", "of these, rated 2 of 5 or less"),
        Column("troubled_inquiries", "conversations badly rated or with a complaint of service"),
        Column("customers", "accounts with a valid order closed by the agent"),
        Column("attendance_days", "days the agent came"),
        Column("scheduled_days", "days the agent was to come"),
        _PER_CUSTOMER,
        Column("mean_response", "response_time ÷ answered 平均响应时间", "seconds", derived=True),
        Column("conversion_rate", "converted ÷ consulted 咨询转化率", "share", derived=True),
        Column(
            "complaints_per_inquiry", "complaints ÷ inquiries 投诉率 (per inquiry)", "share", derived=True
        ),
        Column(
            "sales_share",
            "gross ÷ the shop's gross, in one currency 销售比重",
            "share",
            derived=True,
        ),
        Column("attendance_rate", "attendance_days ÷ scheduled_days 出勤率", "share", derived=True),
    ),
}
"""What `facts[name]` holds, per subject. Missing values are NaN, or None where the column is text."""

TEXT = frozenset({"currency", "evidence", "weekly", "category", "companions", "due_order", "troubles"})
INSTANTS = frozenset({"first_order_at", "last_order_at", "due_at", "last_trouble_at"})


def stored(subject: Subject) -> list[str]:
    """The columns that fact tables hold."""
    return [column.name for column in COLUMNS[subject] if not column.derived]
