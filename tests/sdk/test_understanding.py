"""What reviews say, in Chinese and English."""

from __future__ import annotations

import csv
import io
import lzma
import random
from pathlib import Path

import numpy as np
import pytest

from crmsync.sdk import NotEnoughEvidence
from crmsync.sdk.understanding import Lessons, Polarity, understand
from crmsync.sdk.understanding.lexicon import BAD, GOOD
from crmsync.testing.phrases import REVIEWS


@pytest.mark.parametrize(
    ("text", "level", "type", "word"),
    [
        ("用了两天就坏了，质量太差", "bad", "product", "质量"),
        ("物流太慢了，生日都过了才收到", "bad", "logistics", "物流"),
        ("客服态度极差，没人理", "bad", "service", "客服"),
        ("宣传虚假，赠品没给，骗人", "bad", "contract", "虚假"),
        ("质量很好，物流也快", "good", None, "很好"),
        ("不好用", "bad", "product", "不好用"),
        ("没有异味，很舒服", "good", None, "没有异味"),
        ("Broke after two days, poor quality.", "bad", "product", "quality"),
        ("Delivery far too slow", "bad", "logistics", "delivery"),
        ("The support was rude and never answered.", "bad", "service", "support"),
        ("Not good at all", "bad", None, "not good"),
        ("Lovely packaging, perfect as a gift.", "good", None, "lovely"),
        ("今天星期三", None, None, None),
        ("", None, None, None),
    ],
)
def test_says(text: str, level: str | None, type: str | None, word: str | None) -> None:
    said = understand(text)
    assert (said.level, said.type) == (level, type)
    assert word is None or word in said.words


def test_stars_win() -> None:
    assert understand("质量太差，退货", "good").level == "good"
    said = understand("很好，物流也快", "bad")
    assert (said.level, said.type) == ("bad", "logistics")


def test_the_built_in_shop_is_understood() -> None:
    """What the shop's own buyers write: hardly ever the wrong way round."""
    good = [text for texts in REVIEWS.values() for text in texts["good"] if text]
    bad = [text for texts in REVIEWS.values() for why in ("fault", "late") for text in texts[why]]
    assert [text for text in good if understand(text).level == "bad"] == []
    assert [text for text in bad if understand(text).level == "good"] == []
    late = [text for texts in REVIEWS.values() for text in texts["late"]]
    assert {understand(text, "bad").type for text in late} == {"logistics"}


def test_no_word_speaks_for_both_sides() -> None:
    assert GOOD.keys() & BAD.keys() == set()


def made_up(number: int) -> tuple[list[str], np.ndarray]:
    chance = random.Random(1)
    good = np.array([chance.random() < 0.5 for _ in range(number)])
    texts = [
        "".join(chance.choices("的了是我在有和人", k=8)) + chance.choice("喜好甜美" if each else "坏烂旧脏")
        for each in good
    ]
    return texts, good


def test_learns_from_what_is_known() -> None:
    texts, good = made_up(1000)
    learned = Lessons(texts).learn(good)
    assert learned.level("这人甜") == "good"
    assert learned.level("这人脏") == "bad"
    assert learned.words("这人脏")[0].endswith("脏")
    assert learned.level("xyz") is None
    said = understand("这人脏，物流慢", polarity=learned)
    assert (said.level, said.type) == ("bad", "logistics")


def test_too_little_teaches_nothing() -> None:
    texts, good = made_up(300)
    with pytest.raises(NotEnoughEvidence):
        Lessons(texts).learn(good)


def test_weights_are_kept_by_their_weight() -> None:
    texts, good = made_up(1000)
    few = Lessons(texts).learn(good, kept=8)
    assert set("".join(few.weights)) >= set("喜好甜美坏烂旧脏")
    assert few.chance("美美") > 0.8


def test_neighbours_in_latin_letters_stay_apart() -> None:
    learned = Polarity({"not good": -128, "good": 64}, 0)
    assert learned.level("Not good") == "bad"
    assert learned.level("good") == "good"


@pytest.mark.shared
def test_real_reviews(shared: Path) -> None:
    """A small part of `benchmarks/zh_reviews.py`."""
    path = shared / "data" / "zh_reviews" / "online_shopping_10_cats.csv.xz"
    with lzma.open(path, "rt", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(io.StringIO(file.read())))
    rows = random.Random(1).sample([row for row in rows if row["review"].strip()], 2500)
    texts, good = [row["review"] for row in rows], np.array([row["label"] == "1" for row in rows])
    learned = Lessons(texts[:2000]).learn(good[:2000])
    chances = np.array([learned.chance(text) for text in texts[2000:]])
    assert ((chances >= 0.5) == good[2000:]).mean() > 0.82
    told = [(understand(text).level, label) for text, label in zip(texts, good, strict=True)]
    told = [(level, label) for level, label in told if level in ("good", "bad")]
    assert len(told) > 0.7 * len(texts)
    assert np.mean([(level == "good") == label for level, label in told]) > 0.86
