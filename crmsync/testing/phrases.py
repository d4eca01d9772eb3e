"""What buyers and agents say, in Chinese and English, by what they are talking about."""

from __future__ import annotations

FAMILY_NAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗".strip()
GIVEN_NAMES = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀兰霞平刚桂英华玉萍红玲建文博雅欣怡子轩梓涵".strip()
ENGLISH_NAMES = (
    "Alice Brown|Ben Carter|Chloe Davies|Daniel Evans|Emma Fisher|Frank Green|Grace Hill|Henry Irving|"
    "Isla Jones|Jack King|Karen Lewis|Liam Moore|Mia Norris|Noah Owen|Olivia Price|Peter Quinn|Ruby Shaw|"
    "Sam Turner|Tina Vance|Will Young"
).split("|")
PLACES = [
    ("上海", "上海"),
    ("北京", "北京"),
    ("广东", "广州"),
    ("广东", "深圳"),
    ("浙江", "杭州"),
    ("江苏", "南京"),
    ("四川", "成都"),
    ("湖北", "武汉"),
    ("陕西", "西安"),
    ("山东", "青岛"),
]
AGENTS = ["小雨", "阿杰", "Momo", "小鱼", "老陈"]

# Reviews by cause: what went wrong decides what a buyer writes.
REVIEWS = {
    "zh": {
        "fault": [
            "用了两天就坏了，质量太差，不会再买。",
            "和描述不符，做工粗糙，申请退货。",
            "收到就有瑕疵，客服让我自己修，失望。",
            "一股异味，洗了三次还有，差评。",
        ],
        "late": [
            "说好五天到，等了十几天，催了三次没人管。",
            "物流太慢了，生日都过了才收到。",
            "东西还行，但是发货和快递都太慢，差评。",
        ],
        "bad": ["一般般，不值这个价。", "颜色和图片差太多了。", "包装破了，里面也压坏了。"],
        "neutral": ["还可以吧，没有想象中好。", "中规中矩。"],
        "good": [
            "质量很好，物流也快，下次还会来。",
            "第二次买了，一如既往地好。",
            "客服很耐心，东西很满意。",
            "包装精致，送人很合适。",
            "",
        ],
    },
    "en": {
        "fault": [
            "Broke after two days. Poor quality, would not buy again.",
            "Not as described, badly made. Returning it.",
            "Arrived with a defect and support told me to fix it myself.",
        ],
        "late": [
            "Promised in five days, took nearly two weeks, nobody answered.",
            "Delivery far too slow, the birthday was over when it came.",
        ],
        "bad": ["Not worth the price.", "The colour is nothing like the picture."],
        "neutral": ["It is fine, I expected more.", "Average."],
        "good": [
            "Great quality and fast delivery, will come back.",
            "Second time I buy this, still very good.",
            "Lovely packaging, perfect as a gift.",
            "",
        ],
    },
}
REFUND_REASONS = {
    "QUALITY": {
        "zh": ["质量问题，用两天就坏", "有瑕疵，要求换新"],
        "en": ["Broken after two days", "Defective"],
    },
    "NOT_AS_DESCRIBED": {"zh": ["与描述不符"], "en": ["Not as described"]},
    "LOGISTICS": {
        "zh": ["一直没收到，不想要了", "送得太晚，已经用不上"],
        "en": ["Came too late to be of use"],
    },
    "CHANGED_MIND": {"zh": ["不喜欢，七天无理由", "拍错了尺码"], "en": ["Changed my mind", "Wrong size"]},
}
QUESTIONS = {
    "PRESALE": {
        "zh": ["这款有现货吗？", "什么时候发货？", "可以开发票吗？", "两件有优惠吗？"],
        "en": ["Is this in stock?", "Any discount for two?"],
    },
    "PRODUCT": {
        "zh": ["收到的东西是坏的，怎么处理？", "用两天就坏了，我要退货。"],
        "en": ["It arrived broken, what now?", "It stopped working, I want to return it."],
    },
    "LOGISTICS": {
        "zh": ["我的快递到哪里了？", "都过了承诺时间了，怎么还没到？"],
        "en": ["Where is my parcel?", "It is past the promised date."],
    },
}
REPLIES = {
    "good": {
        "zh": ["您好，马上为您查一下～", "在的亲，请稍等，我来处理。"],
        "en": ["Hello, let me look into it right away."],
    },
    "rude": {"zh": ["自己看详情页。", "等着。"], "en": ["Read the page.", "Wait."]},
}
