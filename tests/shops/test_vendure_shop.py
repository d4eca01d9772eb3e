"""The connector to Vendure on a Vendure that runs: whatever one side says is seen on the other."""

from __future__ import annotations

import pytest
from pulling import Pulling
from vendure_shop import VendureShop

from crmsync.sdk import AuthError, Cursor, OutgoingMessage, PermanentError, Recipient


def test_every_record_of_the_shop_is_stored(vendure: VendureShop, from_vendure: Pulling) -> None:
    for stream, condition, table in (
        ("products", "{}", "product"),
        ("customers", "{}", "account"),
        ("orders", "{orderPlacedAt: {isNull: false}}", "order"),
    ):
        from_vendure.pull(stream)
        assert from_vendure.rows(f'SELECT count(*) FROM "{table}"') == [(vendure.count(stream, condition),)]
    states = dict(from_vendure.rows('SELECT status, count(*) FROM "order" GROUP BY status'))
    for status, state in (("delivered", "Delivered"), ("cancelled", "Cancelled"), ("shipped", "Shipped")):
        assert states.get(status, 0) == vendure.count("orders", f'{{state: {{eq: "{state}"}}}}')
    [order, *_] = vendure.orders("Delivered")
    assert from_vendure.row("order", order, "total") == vendure.order(order)["totalWithTax"]
    assert from_vendure.connector().check().currency == "USD"


def test_a_second_pull_writes_nothing(from_vendure: Pulling) -> None:
    from_vendure.pull("products")
    again = from_vendure.pull("products")
    assert (again.inserted, again.updated) == (0, 0)
    assert from_vendure.touched() == []


def test_an_edit_in_the_shop_comes_with_the_next_pull(vendure: VendureShop, from_vendure: Pulling) -> None:
    from_vendure.pull("customers")
    [customer, *_] = vendure.customers()
    vendure.rename(customer, "Ümit")
    assert from_vendure.pull("customers").updated == 1
    assert from_vendure.row("account", customer, "name").startswith("Ümit ")


def test_a_cancellation_comes_with_the_next_pull(vendure: VendureShop, from_vendure: Pulling) -> None:
    from_vendure.pull("orders")
    [order, *_] = vendure.orders("PaymentSettled")
    assert from_vendure.row("order", order, "status", "cancelled_at") == ("paid", None)
    cancel = "mutation($input: CancelOrderInput!) { cancelOrder(input: $input) { __typename } }"
    vendure.ask(cancel, input={"orderId": order, "reason": "changed their mind", "cancelShipping": True})
    assert from_vendure.pull("orders").updated == 1
    status, at = from_vendure.row("order", order, "status", "cancelled_at")
    assert (status, vendure.order(order)["state"]) == ("cancelled", "Cancelled")
    assert at is not None


def test_a_refund_comes_though_its_order_stays_as_it_was(vendure: VendureShop, from_vendure: Pulling) -> None:
    from_vendure.pull("refunds")
    order = vendure.orders("Delivered")[1]
    before = vendure.order(order)
    line, payment = before["lines"][0]["id"], before["payments"][0]["id"]
    refund = "mutation($input: RefundOrderInput!) { refundOrder(input: $input) { ... on Refund { id } } }"
    given = {"paymentId": payment, "amount": 150, "shipping": 0, "adjustment": 0, "reason": "broken 破了"}
    made = vendure.ask(refund, input={**given, "lines": [{"orderLineId": line, "quantity": 1}]})
    assert from_vendure.pull("refunds").inserted == 1
    seen = "SELECT order_id, line_id, amount, reason, status FROM refund"
    assert from_vendure.rows(seen) == [(order, line, 150, "broken 破了", "approved")]
    settle = "mutation($input: SettleRefundInput!) { settleRefund(input: $input) { __typename } }"
    vendure.ask(settle, input={"id": made["refundOrder"]["id"], "transactionId": "t"})
    assert from_vendure.pull("refunds").updated == 1
    assert from_vendure.rows("SELECT status FROM refund") == [("completed",)]
    assert vendure.order(order)["updatedAt"] == before["updatedAt"]


def test_all_records_of_one_moment_are_seen(vendure: VendureShop, from_vendure: Pulling) -> None:
    from_vendure.pull("customers")
    tied = vendure.customers()[-3:]
    for customer in tied:
        vendure.rename(customer, f"Tied{customer}")
    vendure.same_moment(tied)
    assert len({vendure.customer(customer)["updatedAt"] for customer in tied}) == 1
    from_vendure.pull("customers", page_size=1)
    names = [from_vendure.row("account", customer, "name").split()[0] for customer in tied]
    assert names == [f"Tied{id}" for id in tied]
    *_, last = from_vendure.connector().customers(Cursor())
    # Vendure's own filter would leave out that very moment.
    seen = {
        row["id"]
        for page in from_vendure.connector(page_size=1).customers(last.cursor)
        for row in page.payloads
    }
    assert set(tied) <= seen


def test_a_message_is_seen_on_its_order_and_found_again(vendure: VendureShop, from_vendure: Pulling) -> None:
    from_vendure.pull("orders")
    order = vendure.orders("Delivered")[2]
    recipient = Recipient("vendure", vendure.order(order)["customer"]["id"])
    message = OutgoingMessage(
        1, "sorry", "service", recipient, "", "It was late, sorry. 抱歉", "en", order_id=order
    )
    connector = from_vendure.connector()
    assert connector.lookup_message(message, "message-1") is None
    receipt = connector.send_message(message, "message-1")
    [note] = [entry for entry in vendure.order(order)["history"]["items"] if entry["type"] == "ORDER_NOTE"]
    assert (note["id"], note["isPublic"]) == (receipt.reference, True)
    assert note["data"]["note"].startswith("It was late, sorry. 抱歉")
    found = connector.lookup_message(message, "message-1")
    assert (found.reference, found.at) == (receipt.reference, receipt.at)
    assert connector.lookup_message(message, "message-2") is None
    assert from_vendure.pull("orders").updated == 0
    assert from_vendure.touched() == []


def test_a_note_is_seen_in_the_shop_and_found_again(vendure: VendureShop, from_vendure: Pulling) -> None:
    from_vendure.pull("customers")
    customer = vendure.customers()[5]
    connector = from_vendure.connector()
    receipt = connector.add_note(customer, "Called, glad again 已回访", "note-1")
    notes = [entry for entry in vendure.customer(customer)["history"]["items"] if "NOTE" in entry["type"]]
    assert [note["data"]["note"].split("\n")[0] for note in notes] == ["Called, glad again 已回访"]
    about = OutgoingMessage(1, "call", "service", Recipient("vendure", customer), "", "", "en")
    assert connector.lookup_message(about, "note-1").reference == receipt.reference
    assert from_vendure.pull("customers").updated == 0
    assert from_vendure.touched() == []


def test_a_tag_is_seen_in_the_shop_and_is_no_news_to_us(vendure: VendureShop, from_vendure: Pulling) -> None:
    from_vendure.pull("customers")
    customer = vendure.customers()[7]
    before = vendure.customer(customer)["updatedAt"]
    connector = from_vendure.connector()
    repeated = [
        connector.tag_customer(customer, tag, tag).repeated for tag in ("careful 慎", "careful 慎", "vip")
    ]
    assert repeated == [False, True, False]
    told = vendure.customer(customer)
    assert told["customFields"]["tags"] == ["careful 慎", "vip"]
    assert told["updatedAt"] > before
    echo = from_vendure.pull("customers")
    assert echo.pulled >= 1
    assert (echo.inserted, echo.updated, from_vendure.touched()) == (0, 0, [])


def test_a_custom_field_of_an_order_is_no_news(vendure: VendureShop, from_vendure: Pulling) -> None:
    from_vendure.pull("orders")
    order = vendure.orders("Delivered")[3]
    before = vendure.order(order)["updatedAt"]
    change = "mutation($input: UpdateOrderInput!) { setOrderCustomFields(input: $input) { id } }"
    vendure.ask(change, input={"id": order, "customFields": {"careNote": "seen"}})
    assert vendure.order(order)["updatedAt"] > before
    echo = from_vendure.pull("orders")
    assert echo.pulled >= 1
    assert (echo.inserted, echo.updated, from_vendure.touched()) == (0, 0, [])


def test_a_key_that_is_not_the_shops_is_refused_under_200(from_vendure: Pulling) -> None:
    connector = from_vendure.connector(api_key="of:another-shop")
    with pytest.raises(AuthError, match="FORBIDDEN"):
        list(connector.orders(Cursor()))


def test_what_is_not_there_cannot_be_pushed_to(from_vendure: Pulling) -> None:
    connector = from_vendure.connector()
    nobody = OutgoingMessage(
        1, "x", "service", Recipient("vendure", "0"), "", "Hello", "en", order_id="987654"
    )
    for push in (
        lambda: connector.send_message(nobody, "lost"),
        lambda: connector.add_note("987654", "Hello", "lost"),
        lambda: connector.tag_customer("987654", "vip", "lost"),
    ):
        with pytest.raises(PermanentError):
            push()
