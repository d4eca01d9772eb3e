"""What the shop sells. Which three products are faulty is drawn with the shop's seed."""

from __future__ import annotations

from dataclasses import dataclass

from crmsync.testing.dice import Dice

_GOODS = """
家居 Home|陶瓷马克杯 Ceramic mug|39.00|5
家居 Home|亚麻抱枕 Linen cushion|59.00|4
家居 Home|香薰蜡烛 Scented candle|79.00|4
家居 Home|实木托盘 Wooden tray|128.00|3
家居 Home|羊毛盖毯 Wool throw|369.00|2
厨房 Kitchen|不锈钢保温杯 Steel flask|99.00|5
厨房 Kitchen|铸铁煎锅 Cast-iron pan|259.00|3
厨房 Kitchen|手冲咖啡壶 Pour-over kettle|189.00|3
厨房 Kitchen|电热水壶 Electric kettle|169.00|4
厨房 Kitchen|料理机 Blender|459.00|2
服饰 Clothing|纯棉T恤 Cotton T-shirt|69.00|6
服饰 Clothing|亚麻衬衫 Linen shirt|199.00|4
服饰 Clothing|牛仔裤 Jeans|239.00|4
服饰 Clothing|羊绒围巾 Cashmere scarf|429.00|2
服饰 Clothing|防风外套 Windbreaker|599.00|2
数码 Digital|蓝牙耳机 Bluetooth earphones|299.00|4
数码 Digital|充电宝 Power bank|129.00|5
数码 Digital|机械键盘 Mechanical keyboard|399.00|2
数码 Digital|降噪头戴耳机 Noise-cancelling headphones|1299.00|1
食品 Food|龙井茶 Longjing tea|158.00|4
食品 Food|坚果礼盒 Nut gift box|108.00|5
食品 Food|手工曲奇 Butter cookies|49.00|5
个护 Care|护手霜 Hand cream|35.00|5
个护 Care|电动牙刷 Electric toothbrush|219.00|3
"""
FAULTY = 3
# Buyers notice a faulty product only when it sells; these three make about a sixth of all lines.
_FAULTY_WEIGHT = 5.5


@dataclass(frozen=True, slots=True)
class Product:
    """One product with its truth. `price` is in fen; `weight` is how readily it is bought."""

    id: str
    title: str
    category: str
    price: int
    weight: float
    faulty: bool


def catalogue(seed: int) -> list[Product]:
    """The 24 products of the shop with this seed."""
    rows = [line.split("|") for line in _GOODS.strip().splitlines()]
    ordinary = [n for n, row in enumerate(rows) if 40 <= float(row[2]) <= 400]
    order = Dice(seed, "catalogue").generator.permutation(ordinary)
    faulty = {int(n) for n in order[:FAULTY]}
    return [
        Product(
            id=f"P{n + 1:03d}",
            title=title,
            category=category,
            price=int(price.replace(".", "")),
            weight=_FAULTY_WEIGHT if n in faulty else float(weight),
            faulty=n in faulty,
        )
        for n, (category, title, price, weight) in enumerate(rows)
    ]
