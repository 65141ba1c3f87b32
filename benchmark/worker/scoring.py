"""What a trial scores: a head over features that are there, or a network trained whole."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from ..metrics import metrics_of
from ..records import Epoch, Probabilities, Rows, Silent, Spec
from ..seeds import derive
from ..training import (
    Examples,
    Features,
    Head,
    Lesson,
    Material,
    Views,
    evidence_at,
    fit_head,
    fit_logistic,
    is_logistic,
    settings_of,
    train,
    verify,
)
from ..zoo import ARCHITECTURES

# A dense layer reads each of its weights once an image, at the pace of memory: 10 GB/s, a few
# times less than a desktop's. Measuring a head would give noise of its own size.
_HEAD_WEIGHTS_A_MILLISECOND = 2.5e6

Report = Callable[[Epoch], None]
Seen = Callable[[Probabilities], None]


def silently(_epoch: Epoch) -> None:
    """Do nothing with an epoch."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Exam:
    """What a trial learns from and is asked.

    Attributes:
        material: the images.
        fit: rows of the index that are learnt from.
        held: rows that it is scored on; never test's.
        report: told of every epoch; what it raises (a pruned trial) ends the training.
        seen: told what is said of `held` after every epoch, before that is reported, and at the
            end; None where nobody asks.
    """

    material: Material
    fit: Rows
    held: Rows
    report: Report = silently
    seen: Seen | None = None

    def finish(self, probabilities: Probabilities) -> None:
        """Tell what the finished network says of `held`."""
        if self.seen is not None:
            self.seen(probabilities)

    def examples(self, rows: Rows) -> Examples:
        """Return rows of the index as the pixels' rows, with their classes."""
        return Examples(rows=self.places(rows), labels=self.material.labels[rows])

    def places(self, rows: Rows) -> Rows:
        """Return the pixels' rows of rows of the index."""
        return self.material.pixels.rows([self.material.hashes[row] for row in rows])


def score_head(
    spec: Spec, features: Features, exam: Exam, views: Mapping[str, Views] | None = None
) -> dict[str, float]:
    """Train a head over features that are there already, which takes milliseconds; score it."""
    material = exam.material
    head = head_over(spec, features, exam, views or {})
    probabilities = head.predict(exam.places(exam.held))
    exam.finish(probabilities)
    weights = head.parameters
    backbone_ms = 1000 * features.seconds / max(len(features.matrix), 1)
    return {
        **metrics_of(material.labels[exam.held], probabilities),
        "parameters": float(ARCHITECTURES[spec.arch].parameters + weights),
        "milliseconds_per_image": backbone_ms + weights / _HEAD_WEIGHTS_A_MILLISECOND,
    }


def head_over(spec: Spec, features: Features, exam: Exam, views: Mapping[str, Views]) -> Head:
    """Train a head on the rows to learn from; what it leaves open is chosen on them alone."""
    material = exam.material
    fit, held = exam.examples(exam.fit), exam.examples(exam.held)
    if is_logistic(spec.params):
        evidence = evidence_at(material, exam.fit)
        lesson = Lesson(features=features, evidence=evidence, train=fit, val=held, views=views)
        return fit_logistic(spec.params, lesson, _Reporting(exam.report), exam.seen)
    return fit_head(
        features,
        spec.params,
        fit,
        held,
        settings_of(spec, material, material.labels[exam.fit]),
        classes=len(material.classes),
        seed=derive(spec.seed, "head"),
        report=exam.report,
        seen=exam.seen,
    )


def score_network(spec: Spec, exam: Exam) -> dict[str, float]:
    """Train a whole network and score it; what it is scored on stands in test's place."""
    material, held = exam.material, exam.held
    split = replace(
        material.split,
        train=exam.fit,
        val=held,
        test=held,
        val_is_copy=None,
        test_is_copy=np.zeros(len(held), dtype=bool),
    )
    own_material = replace(material, split=split, scratch=None, seen=exam.seen)
    fitted = train(spec, own_material, _Reporting(exam.report))
    exam.finish(fitted.val)
    own = verify(fitted.network, material.pixels.array[exam.places(held[:32])])
    return {
        **metrics_of(material.labels[held], fitted.val),
        "parameters": float(fitted.network.count_params()),
        "milliseconds_per_image": own.milliseconds,
    }


class _Reporting(Silent):
    """A `Progress` that hands epochs to a trial, which may raise to end it."""

    def __init__(self, report: Report) -> None:
        self._report = report

    def epoch(self, epoch: Epoch) -> None:
        """Hand the epoch on."""
        self._report(epoch)
