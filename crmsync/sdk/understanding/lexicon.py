"""The words that speak for a level or for what a complaint is about; written by hand, nothing is learned.

`GOOD` and `BAD` say how strongly. A word that is turned (`不好`, `not good`) speaks for the other side.
"""

from __future__ import annotations

from crmsync.sdk.records import ComplaintType

GOOD: dict[str, int] = {
    **dict.fromkeys(
        "很好 不错 挺好 非常好 超好 真好 好用 好吃 好看 好评 好喝 漂亮 舒服 舒适 干净 "
        "整洁 热情 方便 便捷 实惠 划算 便宜 "
        "新鲜 耐心 周到 及时 精致 合适 合身 流畅 清晰 安静 值得 值了 超值 结实 牢固 正品 "
        "细心 贴心 给力 赞 点赞 棒 完美 "
        "优秀 靠谱 香 顺滑 柔顺 脆 甜 喜欢 很快 蛮好 挺快 速度快 物流快 回购 惊喜 感动 "
        "经典 精彩 受益 启发 温馨 "
        "强大 时尚 大气 美观 轻便 实用 够用 省心 放心 一如既往 推荐 可以的 好东西 很新 足 "
        "好书 爱看 流连".split(),
        1,
    ),
    **dict.fromkeys(
        "满意 五星 下次还会 还会再来 会再买 强烈推荐 物美价廉 物超所值 爱不释手 性价比高".split(), 2
    ),
    **dict.fromkeys(
        "good great nice fast quick lovely soft comfortable helpful friendly easy sturdy "
        "fresh clean beautiful "
        "works fits recommend recommended pleased happy love loved enjoy thanks satisfied".split(),
        1,
    ),
    **dict.fromkeys("excellent perfect amazing awesome fantastic wonderful best delighted".split(), 2),
}

BAD: dict[str, int] = {
    **dict.fromkeys(
        "差 太慢 很慢 慢 坏 坏了 破 破损 烂 烂了 坑 脏 旧 旧的 臭 异味 味道大 难闻 难吃 "
        "难用 难看 粗糙 瑕疵 划痕 掉色 褪色 "
        "起球 开线 漏水 漏电 漏气 死机 卡 卡顿 黑屏 发热 发烫 噪音 吵 假货 假的 仿冒 冒牌 "
        "山寨 盗版 过期 变质 生锈 断了 裂 裂了 "
        "压坏 退货 退款 退了 换货 投诉 差评 失望 后悔 郁闷 无语 生气 气愤 恶心 敷衍 推脱 "
        "不理 没人管 没人理 没反应 "
        "骗 骗人 欺骗 忽悠 虚假 不符 不一样 色差 发错 少发 漏发 缺货 不值 太贵 贵 偏小 "
        "偏大 太小 太大 一般 一般般 问题 故障 "
        "毛病 缺点 浪费 麻烦 不敢 不能用 用不了 打不开 装不上 没用 没有用 没效果 头屑 痒 "
        "过敏 掉发 空洞 无聊 "
        "枯燥 胡说 错误 错别字 缺页 垫 态度 糟 糟糕 可惜 遗憾 勉强 破烂 霉 酸 酸的 苦 "
        "小的 少了 居然 竟然 根本 结果".split(),
        1,
    ),
    **dict.fromkeys(
        "垃圾 太差 很差 最差 极差 差劲 再也不 不会再买 不会再来 不要买 别买 千万别 上当 "
        "受骗 骗子 黑店 太烂 坑人 坑爹 一星".split(),
        2,
    ),
    **dict.fromkeys(
        "bad slow late broken broke defect defective faulty cheap dirty rude wrong "
        "missing damaged torn leaks noisy "
        "smells refund return returned returning disappointed disappointing poor poorly "
        "useless waste fake "
        "unhelpful ignored nobody never uncomfortable fail failed failure problem "
        "expensive overpriced delayed "
        "cracked scratched".split(),
        1,
    ),
    **dict.fromkeys("terrible awful horrible worst scam garbage rubbish hate".split(), 2),
}

TURNS = ("不是很", "不是太", "不太", "不够", "不怎么", "没有", "并不", "不", "没", "未", "无")
"""What turns the Chinese word right after it, the longest first."""
TURNING = frozenset(
    {"not", "no", "never", "isn't", "wasn't", "don't", "doesn't", "didn't", "won't", "hardly"}
)
"""English words that turn one of the next two."""

TOPICS: dict[ComplaintType, tuple[str, ...]] = {
    "logistics": tuple(
        "物流 快递 发货 送货 配送 派送 送到 收货 到货 运输 运费 包裹 十几天 半个月 "
        "还没到 没收到 没到 迟迟 催了 压坏 包装破 "
        "delivery delivered shipping shipment courier parcel package late "
        "tracking postage weeks dispatch".split()
    ),
    "service": tuple(
        "客服 服务 态度 售后 店家 卖家 商家 老板 前台 服务员 回复 不理 没人管 没人理 敷衍 "
        "推脱 解释 电话 "
        "service support staff agent seller rude answered reply replied ignored unhelpful "
        "helpdesk".split()
    ),
    "contract": tuple(
        "虚假 宣传 承诺 说好 保价 降价 差价 优惠 活动 赠品 没给 发票 合同 条款 定金 押金 "
        "advertised promised price invoice discount coupon terms "
        "contract warranty guarantee".split()
    ),
    "suggestion": tuple(
        "建议 希望 要是 如果能 最好能 改进 改善 增加 suggest suggestion wish should improve hope".split()
    ),
    "product": tuple(
        "质量 做工 描述 不符 色差 材质 面料 颜色 尺寸 尺码 大小 味道 异味 口感 瑕疵 坏 坏了 破 烂 假货 "
        "正品 掉色 起球 开线 漏水 死机 屏幕 电池 噪音 "
        "故障 过期 变质 不好用 难用 难吃 粗糙 效果 "
        "quality described description broken broke defect defective faulty material fabric colour size "
        "smell taste fake cheap torn "
        "leaks battery screen stopped made fit fits worn".split()
    ),
}
"""What a complaint of each type talks of. Of two types with as many words the earlier one wins."""
