"""What a prediction table scores: every metric of its parts, and the tables for people.

Undefined is absent: a metric that has no value (AUROC where a class has no image) is not in the
dictionary, rather than NaN.
"""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .. import metrics
from ..metrics import metrics_of, of_counts, ratio
from ..records import Labels, Part, Predictions

if TYPE_CHECKING:
    import pandas as pd

SCORED_PARTS = (Part.VAL, Part.TEST)
_LONGEST_SLUG = 120  # MLflow cuts a metric's name at 250 characters


def score(predictions: Predictions) -> dict[str, float]:
    """Return every metric of val and test as `<part>_<metric>`.

    Where some images of a part are copies of images that the network was trained or chosen on,
    the metrics over the others stand beside it as `<part>_clean_<metric>`, without those by class,
    and `<part>_clean_mix_<metric>` weighs them to the part's own class mix: what is left of a
    difference to the published figure then is not the mix.
    """
    found: dict[str, float] = {}
    for part in SCORED_PARTS:
        rows = predictions.part(part)
        clean = rows.where(~rows.is_copy)
        found |= _prefixed(f"{part}_", {**overall(rows), **by_class(rows)})
        if len(clean.hashes) < len(rows.hashes):
            found |= _prefixed(f"{part}_clean_", overall(clean))
            found |= _prefixed(f"{part}_clean_mix_", _at_mix_of(rows, clean))
    return found


def out_of_fold_metrics(predictions: Predictions) -> dict[str, float]:
    """Return every metric of out-of-fold answers as `cv_<metric>`."""
    return _prefixed("cv_", {**overall(predictions), **by_class(predictions)})


def _prefixed(prefix: str, values: Mapping[str, float]) -> dict[str, float]:
    return {f"{prefix}{name}": value for name, value in values.items()}


def _at_mix_of(rows: Predictions, some: Predictions) -> dict[str, float]:
    """Return some rows' metrics, each class weighed as in all rows; none if a class has no row."""
    wanted, counts = confusion(rows).sum(axis=1), confusion(some)
    have = counts.sum(axis=1)
    if not have[wanted > 0].all():
        return {}
    weighed = counts * ratio(wanted, have)[:, None]
    return {name: float(value) for name, value in of_counts(weighed).items()}


def overall(rows: Predictions) -> dict[str, float]:
    """Return the metrics over all classes of some rows, without a prefix; none for no rows."""
    return metrics_of(rows.labels, rows.probabilities) if rows.hashes else {}


def confusion(rows: Predictions) -> Labels:
    """Count the images by (true class, predicted class): (k, k), the most probable class wins."""
    return metrics.confusion(rows.labels, predicted(rows), len(rows.classes))


def predicted(rows: Predictions) -> Labels:
    """Return the (n,) most probable classes, the first of equals."""
    return np.asarray(rows.probabilities.argmax(axis=1), dtype=np.int64)


def by_class(rows: Predictions) -> dict[str, float]:
    """Return precision, recall, specificity and F1 of each class that occurs."""
    counts = metrics.Counts.of(confusion(rows))
    others = counts.true.sum() - counts.true
    wrong = counts.called - counts.hits
    found: dict[str, float] = {}
    for place, slug in enumerate(class_slugs(rows.classes)):
        if not counts.true[place] + counts.called[place]:
            continue
        found[f"precision_{slug}"] = float(counts.precision[place])
        found[f"recall_{slug}"] = float(counts.recall[place])
        found[f"f1_{slug}"] = float(counts.f1[place])
        if others[place]:
            found[f"specificity_{slug}"] = float(1 - wrong[place] / others[place])
    return found


def class_slugs(classes: Sequence[str]) -> tuple[str, ...]:
    """Return each class a name that a metric's name may hold: letters, digits, `_`, `-` and `.`.

    Classes that would share a name get a number behind it.
    """
    found: list[str] = []
    for name in classes:
        plain = re.sub(r"[^\w.\-]+", "_", name)[:_LONGEST_SLUG] or "class"
        slug, number = plain, 2
        while slug in found:
            slug, number = f"{plain}-{number}", number + 1
        found.append(slug)
    return tuple(found)


def confusion_table(predictions: Predictions, part: Part) -> "pd.DataFrame":
    """Return the confusion matrix of a part, one row a (true, predicted) pair.

    Returns:
        Columns `true_class`, `predicted_class`, `images` and `share_of_true`, which is NaN for a
        class without an image.
    """
    import pandas as pd

    counts = confusion(predictions.part(part))
    sums = counts.sum(axis=1, keepdims=True)
    classes = np.array(predictions.classes, dtype=object)
    return pd.DataFrame(
        {
            "true_class": np.repeat(classes, len(classes)),
            "predicted_class": np.tile(classes, len(classes)),
            "images": counts.ravel(),
            "share_of_true": (counts / np.where(sums > 0, sums, np.nan)).ravel(),
        }
    )


def classification_report(predictions: Predictions, part: Part) -> str:
    """Return precision, recall, F1 and images of each class of a part, and their means, as text.

    The figures are those of `score`; the layout is scikit-learn's.
    """
    matrix = confusion(predictions.part(part))
    counts, found = metrics.Counts.of(matrix), of_counts(matrix)
    total = int(matrix.sum())
    rows = [
        (name, tuple(values[place] for values in (counts.precision, counts.recall, counts.f1)), n)
        for place, (name, n) in enumerate(
            zip(predictions.classes, matrix.sum(axis=1).tolist(), strict=True)
        )
    ]
    means = [
        (f"{mean} mean", tuple(found[f"{mean}_{name}"] for name in ("precision", "recall", "f1")))
        for mean in ("macro", "weighted")
    ]
    width = max(len("weighted mean"), *map(len, predictions.classes))
    lines = [f"{'':{width}}  precision  recall      F1  images", ""]
    lines += [_line(name, width, figures, n) for name, figures, n in rows]
    lines += ["", f"{'accuracy':{width}}  {'':>17}  {found['accuracy']:6.4f}  {total:6d}"]
    lines += [_line(name, width, figures, total) for name, figures in means]
    return "\n".join(lines) + "\n"


def _line(name: str, width: int, figures: tuple[metrics.Floats, ...], images: int) -> str:
    precision, recall, f1 = figures
    return f"{name:{width}}  {precision:9.4f}  {recall:6.4f}  {f1:6.4f}  {images:6d}"
