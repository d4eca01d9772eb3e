"""How well Chinese reviews are understood: `python benchmarks/zh_reviews.py --json`.

62,773 reviews of ten kinds of goods (`../shared/data/zh_reviews`; blanks and duplicates dropped), each known
to be content or not. `Lessons.learn` is tried in five folds, and on each kind after learning from the nine
others; the lexicon, which learns nothing, stands beside it. A text of which nothing is known counts as wrong
for the lexicon's `accuracy`; `told` is the share it says anything of. The data name no licence, so nothing
learned from them is shipped: a shop may learn from its own reviews with stars.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import lzma
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from crmsync.sdk.understanding import Lessons, Polarity, understand

SHARED = Path(os.environ.get("CRMSYNC_SHARED", Path(__file__).parent.parent.parent / "shared"))
REVIEWS = SHARED / "data" / "zh_reviews" / "online_shopping_10_cats.csv.xz"
FOLDS = 5

Array = np.ndarray[Any, Any]


def reviews(path: Path, scale: float) -> tuple[Array, Array, Array]:
    """Kind, whether it is content, and text of each review; a share of them where `scale` is below 1."""
    with lzma.open(path, "rt", encoding="utf-8-sig") as file:
        rows = csv.DictReader(io.StringIO(file.read()))
        seen = {(row["cat"], row["label"], row["review"]) for row in rows if row["review"].strip()}
    chosen = sorted(seen)
    order = np.random.default_rng(1).permutation(len(chosen))[: round(scale * len(chosen))]
    kinds, labels, texts = zip(*(chosen[i] for i in order), strict=True)
    return np.array(kinds), np.array(labels) == "1", np.array(texts, dtype=object)


def tried(learned: Polarity, good: Array, texts: Array) -> tuple[float, float]:
    """Accuracy, and the area under the curve."""
    from scipy.stats import rankdata

    chances = np.array([learned.chance(text) for text in texts])
    ranks, hits = rankdata(chances), int(good.sum())
    area = (ranks[good].sum() - hits * (hits + 1) / 2) / (hits * (len(good) - hits))
    return float(((chances >= 0.5) == good).mean()), float(area)


def folds(size: int) -> Iterator[tuple[Array, Array]]:
    """Which to learn from and which to try, five times."""
    fold = np.arange(size) % FOLDS
    for number in range(FOLDS):
        yield np.flatnonzero(fold != number), np.flatnonzero(fold == number)


def by_lexicon(good: Array, texts: Array) -> dict[str, float]:
    began = time.process_time()
    levels = np.array([understand(text).level or "" for text in texts])
    spent = time.process_time() - began
    told = (levels == "good") | (levels == "bad")
    right = (levels == "good") == good
    return {
        "accuracy": float((right & told).mean()),
        "accuracy_where_told": float(right[told].mean()),
        "told": float(told.mean()),
        "reviews_per_second": len(texts) / spent,
    }


def measured(path: Path, scale: float) -> dict[str, Any]:
    kinds, good, texts = reviews(path, scale)
    began = time.process_time()
    lessons = Lessons(texts)
    five, whole = [], None
    for learn, check in folds(len(texts)):
        whole = lessons.learn(good[learn], of=learn)
        five.append(tried(whole, good[check], texts[check]))
    spent = time.process_time() - began
    unseen = {}
    for kind in sorted(set(kinds)):
        rest = kinds != kind
        learned = lessons.learn(good[rest], of=np.flatnonzero(rest))
        own = good[~rest]
        # A kind all of whose reviews are alike has no curve.
        accuracy = tried(learned, own, texts[~rest])[0] if 0 < own.sum() < len(own) else float("nan")
        unseen[str(kind)] = accuracy
    assert whole is not None
    began = time.process_time()
    for text in texts[:5000]:
        whole.chance(text)
    reading = time.process_time() - began
    return {
        "reviews": len(texts),
        "accuracy": float(np.mean([accuracy for accuracy, _ in five])),
        "accuracy_folds": [accuracy for accuracy, _ in five],
        "auc": float(np.mean([area for _, area in five])),
        "unseen": unseen,
        "lexicon": by_lexicon(good, texts),
        "weights": len(whole.weights),
        "model_bytes": len(json.dumps(whole.weights, ensure_ascii=False, separators=(",", ":")).encode()),
        "learning_seconds": spent / FOLDS,
        "reviews_per_second": min(5000, len(texts)) / reading,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--scale", type=float, default=1.0, help="the share of the reviews to use")
    parser.add_argument("--data", type=Path, default=REVIEWS, help="the reviews")
    options = parser.parse_args()
    if not options.data.is_file():
        sys.exit(f"The reviews are not at {options.data}: set CRMSYNC_SHARED.")
    found = measured(options.data, options.scale)
    if options.json:
        print(json.dumps(found, ensure_ascii=False))
        return
    for name, value in found.items():
        print(f"{name}: {value}")


if __name__ == "__main__":
    main()
