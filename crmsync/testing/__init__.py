"""For plugin authors and our own tests: a shop over real HTTP, and a clock that can be moved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crmsync.testing.clock import FakeClock

if TYPE_CHECKING:
    from crmsync.testing.process import RemoteShop, shop_process
    from crmsync.testing.shop import Shop

__all__ = ["FakeClock", "RemoteShop", "Shop", "shop_process"]


def __getattr__(name: str) -> Any:
    # Late, so that a clock costs no numpy and `python -m crmsync.testing.shop` loads that module once.
    if name == "Shop":
        from crmsync.testing.shop import Shop

        return Shop
    if name in ("RemoteShop", "shop_process"):
        from crmsync.testing import process

        return getattr(process, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
