"""What is asked of the Admin API: its GraphQL documents."""

from __future__ import annotations

SHOP = "query { activeChannel { id code defaultCurrencyCode } }"

_CUSTOMER = """id createdAt updatedAt firstName lastName emailAddress phoneNumber user { verified }
addresses { city province country { code } defaultShippingAddress }"""

_ORDER = """id updatedAt orderPlacedAt state currencyCode total totalWithTax shippingWithTax
customer { id }
discounts { amountWithTax }
payments { createdAt state }
fulfillments { createdAt updatedAt state }
history(options: {filter: {type: {eq: "ORDER_STATE_TRANSITION"}}, sort: {createdAt: DESC}, take: 1}) {
  items { createdAt data }
}
lines { id quantity unitPriceWithTax discountedLinePriceWithTax productVariant { name product { id } } }"""

_REFUNDED = """id updatedAt orderPlacedAt currencyCode customer { id }
lines { id productVariant { product { id } } }
payments { refunds { id createdAt updatedAt total reason state lines { orderLineId } } }"""

_PRODUCT = """id createdAt updatedAt name collections { name breadcrumbs { id } }
variants { priceWithTax currencyCode }"""


def _listing(name: str, kind: str, fields: str) -> str:
    return (
        f"query($filter: {kind}FilterParameter, $sort: {kind}SortParameter, $skip: Int, $take: Int) {{ "
        f"{name}(options: {{filter: $filter, sort: $sort, skip: $skip, take: $take}}) "
        f"{{ totalItems items {{ {fields} }} }} }}"
    )


LISTS = {
    "products": ("products", _listing("products", "Product", _PRODUCT)),
    "customers": ("customers", _listing("customers", "Customer", _CUSTOMER)),
    "orders": ("orders", _listing("orders", "Order", _ORDER)),
    "refunds": ("orders", _listing("orders", "Order", _REFUNDED)),
}
"""For each stream the list it is read from, and the query for a page of it."""

_NOTES = (
    "history(options: {filter: {type: {eq: $type}}, sort: {createdAt: DESC}}) { items { id createdAt data } }"
)

ORDER_NOTES = f"query($id: ID!, $type: String!) {{ written: order(id: $id) {{ {_NOTES} }} }}"
CUSTOMER_NOTES = f"query($id: ID!, $type: String!) {{ written: customer(id: $id) {{ {_NOTES} }} }}"

NOTE_ON_ORDER = (
    "mutation($input: AddNoteToOrderInput!, $type: String!) "
    f"{{ written: addNoteToOrder(input: $input) {{ {_NOTES} }} }}"
)
NOTE_ON_CUSTOMER = (
    "mutation($input: AddNoteToCustomerInput!, $type: String!) "
    f"{{ written: addNoteToCustomer(input: $input) {{ {_NOTES} }} }}"
)


def tags(field: str) -> str:
    """The customer's tags, which are in that custom field."""
    return f"query($id: ID!) {{ customer(id: $id) {{ customFields {{ {field} }} }} }}"


TAG = (
    "mutation($input: UpdateCustomerInput!) { updateCustomer(input: $input) "
    "{ __typename ... on Customer { id } ... on ErrorResult { errorCode } } }"
)
