"""The connector to Medusa on a Medusa that runs: whatever one side says is seen on the other."""

from __future__ import annotations

import pytest
from medusa_shop import MedusaShop
from pulling import Pulling

from crmsync.sdk import AuthError, Cursor, PermanentError


def test_every_record_of_the_shop_is_stored(medusa: MedusaShop, from_medusa: Pulling) -> None:
    for stream, path, table in (
        ("products", "products", "product"),
        ("customers", "customers", "account"),
        ("orders", "orders", "order"),
        ("reviews", "product-reviews", "review"),
    ):
        from_medusa.pull(stream)
        assert from_medusa.rows(f'SELECT count(*) FROM "{table}"') == [(medusa.count(path),)]
    states = dict(from_medusa.rows('SELECT status, count(*) FROM "order" GROUP BY status'))
    assert states["cancelled"] == medusa.count("orders", status="canceled")
    assert states["completed"] == medusa.count("orders", status="completed")
    assert from_medusa.connector().check().currency == "EUR"


def test_a_second_pull_writes_nothing(from_medusa: Pulling) -> None:
    from_medusa.pull("products")
    again = from_medusa.pull("products")
    assert (again.inserted, again.updated) == (0, 0)
    assert from_medusa.touched() == []


def test_an_edit_in_the_shop_comes_with_the_next_pull(medusa: MedusaShop, from_medusa: Pulling) -> None:
    from_medusa.pull("customers")
    [customer, *_] = medusa.customers()
    medusa.post(f"/admin/customers/{customer}", {"first_name": "Ümit", "last_name": "Ny"})
    assert from_medusa.pull("customers").updated == 1
    assert from_medusa.row("account", customer, "name") == "Ümit Ny"


def test_a_cancellation_comes_with_the_next_pull(medusa: MedusaShop, from_medusa: Pulling) -> None:
    from_medusa.pull("orders")
    [order, *_] = medusa.orders(status="pending")
    assert from_medusa.row("order", order, "status", "cancelled_at") == ("pending", None)
    medusa.post(f"/admin/orders/{order}/cancel", {})
    assert from_medusa.pull("orders").updated == 1
    status, at = from_medusa.row("order", order, "status", "cancelled_at")
    assert (status, medusa.order(order)["status"]) == ("cancelled", "canceled")
    assert at is not None


def test_a_refund_comes_with_the_next_pull(medusa: MedusaShop, from_medusa: Pulling) -> None:
    from_medusa.pull("orders")
    from_medusa.pull("refunds")
    [order, *_] = medusa.orders(status="completed")
    total = from_medusa.row("order", order, "total")
    body = {"order_id": order, "amount": medusa.order(order)["total"]}
    paid = medusa.post("/admin/payment-collections", body)["payment_collection"]["id"]
    medusa.post(f"/admin/payment-collections/{paid}/mark-as-paid", {"order_id": order})
    [payment] = medusa.get("/admin/payments", order="-created_at", limit=1, fields="id")["payments"]
    medusa.post(f"/admin/payments/{payment['id']}/refund", {"amount": 1.5, "note": "broken jar 破了"})
    assert from_medusa.pull("refunds").inserted == 1
    assert from_medusa.rows("SELECT order_id, amount, currency, reason FROM refund") == [
        (order, 150, "EUR", "broken jar 破了")
    ]
    from_medusa.pull("orders")
    assert medusa.order(order)["total"] * 100 == pytest.approx(total - 150)
    assert from_medusa.row("order", order, "total", "status") == (total, "completed")


def test_all_records_of_one_moment_are_seen(medusa: MedusaShop, from_medusa: Pulling) -> None:
    from_medusa.pull("customers")
    tied = medusa.customers()[-3:]
    for customer in tied:
        medusa.post(f"/admin/customers/{customer}", {"first_name": "Tied", "last_name": customer})
    medusa.same_moment(tied)
    times = {medusa.customer(customer)["updated_at"] for customer in tied}
    assert len(times) == 1
    from_medusa.pull("customers", page_size=1)
    assert [from_medusa.row("account", customer, "name") for customer in tied] == [
        f"Tied {id}" for id in tied
    ]
    *_, last = from_medusa.connector().customers(Cursor())
    seen = {
        row["id"]
        for page in from_medusa.connector(page_size=1).customers(last.cursor)
        for row in page.payloads
    }
    assert set(tied) <= seen


def test_a_note_is_seen_in_the_shop_and_is_no_news_to_us(medusa: MedusaShop, from_medusa: Pulling) -> None:
    from_medusa.pull("customers")
    customer = medusa.customers()[5]
    before = medusa.customer(customer)["updated_at"]
    connector = from_medusa.connector()
    first = connector.add_note(customer, "Called, glad again 已回访", "note-1")
    again = connector.add_note(customer, "Called, glad again 已回访", "note-1")
    assert first.reference == again.reference
    assert medusa.customer(customer)["metadata"] == {"crmsync_note-1": "Called, glad again 已回访"}
    assert medusa.customer(customer)["updated_at"] > before
    echo = from_medusa.pull("customers")
    assert echo.pulled >= 1
    assert (echo.inserted, echo.updated, from_medusa.touched()) == (0, 0, [])


def test_a_tag_is_seen_in_the_shop_and_is_no_news_to_us(medusa: MedusaShop, from_medusa: Pulling) -> None:
    from_medusa.pull("customers")
    one, other = medusa.customers()[7:9]
    connector = from_medusa.connector()
    for customer in (one, one, other):
        connector.tag_customer(customer, "careful 慎", f"tag {customer}")
    for customer in (one, other):
        assert [group["name"] for group in medusa.customer(customer)["groups"]] == ["careful 慎"]
    assert medusa.count("customer-groups", name="careful 慎") == 1
    assert from_medusa.pull("customers").updated == 0
    assert from_medusa.touched() == []


def test_an_answer_to_a_review_is_seen_on_both_sides(medusa: MedusaShop, from_medusa: Pulling) -> None:
    from_medusa.pull("reviews")
    [row] = medusa.get("/admin/product-reviews", order="-created_at", limit=1, fields="id")["product_reviews"]
    review = row["id"]
    assert from_medusa.row("review", review, "replied_at") is None
    connector = from_medusa.connector()
    first = connector.reply_review(review, "Thank you 谢谢", "reply-1")
    again = connector.reply_review(review, "Thank you 谢谢", "reply-1")
    assert (again.reference, first.repeated, again.repeated) == (first.reference, False, True)
    with pytest.raises(PermanentError):
        connector.reply_review(review, "Something else", "reply-2")
    [told] = medusa.get("/admin/product-reviews", id=review, fields="id,*response")["product_reviews"]
    assert told["response"]["content"] == "Thank you 谢谢"
    # Whether it is young enough to be read again depends on when the shop was seeded.
    assert from_medusa.pull("reviews", replies_within="9000d").updated == 1
    assert from_medusa.row("review", review, "replied_at") is not None


def test_metadata_of_an_order_is_no_news(medusa: MedusaShop, from_medusa: Pulling) -> None:
    from_medusa.pull("orders")
    order = medusa.orders(status="completed")[-1]
    before = medusa.order(order)["updated_at"]
    medusa.post(f"/admin/orders/{order}", {"metadata": {"crm": "seen"}})
    assert medusa.order(order)["updated_at"] > before
    echo = from_medusa.pull("orders")
    assert echo.pulled >= 1
    assert (echo.inserted, echo.updated, from_medusa.touched()) == (0, 0, [])


def test_a_key_that_is_not_the_shops_is_refused(from_medusa: Pulling) -> None:
    with pytest.raises(AuthError):
        from_medusa.connector(api_key="sk_of_another_shop").check()


def test_what_is_not_there_cannot_be_pushed_to(from_medusa: Pulling) -> None:
    connector = from_medusa.connector()
    for push in (connector.add_note, connector.reply_review):
        with pytest.raises(PermanentError):
            push("nobody", "Hello", "lost")
