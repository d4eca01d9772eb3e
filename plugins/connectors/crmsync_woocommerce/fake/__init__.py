"""A WooCommerce shop in memory that answers as a real one was seen to, for tests and the conformance kit.

It is written from what was observed of WooCommerce 11.0.1 and 8.2.2, and shares no code with the connector,
so that both cannot be wrong in the same way.
"""

from crmsync_woocommerce.fake.rest import Reply, Rest
from crmsync_woocommerce.fake.shop import Shop

__all__ = ["Reply", "Rest", "Shop"]
