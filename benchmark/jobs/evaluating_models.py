"""The models that are judged: their names, their operating points, and which images they know."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..data import slug
from ..errors import AwayError, BenchmarkError, UsageError, one_line
from ..evaluation import OperatingPoint, check_positive, default_positive
from ..records import Index, Part, Rows
from ..texts import shown
from ..tracking import Library, Located, known_of, point_of
from .replacing import learnt_from
from .results import folder_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which models are judged, and at which operating points.

    Attributes:
        model: addresses of models, see `Located`.
        positive: the classes that are positive together, None for those of the model's own point.
        operating_point: a threshold over the model's own, None for that.
        prevalence: the share of positives that predictive values are given for; None as judged.
        unverified: whether a model's files may be others than those that were registered.
    """

    model: tuple[str, ...]
    positive: tuple[str, ...] | None
    operating_point: float | None
    prevalence: float | None
    unverified: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Content digests of the images that a model was made from.

    Attributes:
        trained: those it was trained on, its members' too.
        chosen: those it was chosen, stopped or calibrated on.
        unknown: why they are not known, or not all; empty where they are.
    """

    trained: frozenset[str] = frozenset()
    chosen: frozenset[str] = frozenset()
    unknown: str = ""

    def of(self, sha256: str) -> str:
        """Return how the model knows an image, nothing where it does not."""
        if sha256 in self.trained:
            return "trained on"
        return "chosen on" if sha256 in self.chosen else ""


def known_images(library: Library | None, run_id: str) -> Known:
    """Return what a model was made from: train and val of its run, and of its members' runs.

    Args:
        library: where the run is; None for a model's folder, of whose run nobody knows.
        run_id: the model's run.
    """
    if library is None or not run_id:
        return Known(unknown="a model's folder does not say what it was trained on")
    trained: set[str] = set()
    chosen: set[str] = set()
    open_, unknown = [run_id], ""
    while open_:
        try:
            record = library.record(open_.pop())
            trained |= learnt_from(library, record)
            chosen |= set(library.predictions(record).part(Part.VAL).hashes)
            members = library.finished(record.spec.members)
            if len(members) < len(set(record.spec.members)):
                unknown = "the runs of some of its members are gone"
            open_ += [each.run_id for each in members.values()]
        except AwayError:
            raise
        except BenchmarkError as error:
            unknown = one_line(error)
    return Known(trained=frozenset(trained), chosen=frozenset(chosen - trained), unknown=unknown)


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedModel:
    """A model that is judged.

    Attributes:
        model: where it is; it is not loaded.
        label: what it is called for people and in files' names.
        point: its operating point, None where it has none.
        known: the images that it was made from.
    """

    model: Located
    label: str
    point: OperatingPoint | None
    known: Known

    @property
    def notes(self) -> Iterator[str]:
        """What should be known of it, a line each."""
        yield f"{self.label}: a model of {self.model.card.data}"
        if self.point is None:
            yield f"{self.label}: no operating point was fixed; --operating-point gives one"

    @property
    def warnings(self) -> Iterator[str]:
        """What makes its figures doubtful, a line each."""
        if self.model.card.synthetic:
            yield f"{self.label} is SYNTHETIC: it learnt from images that a program drew"
        if self.known.unknown:
            yield (
                f"{self.label}: whether it was trained or chosen on images judged here cannot be "
                f"known, or not of all: {self.known.unknown}"
            )


def of_known_patients(index: Index, rows: Rows, subjects: Sequence[JudgedModel]) -> Iterator[str]:
    """Say how many images that no model knows are of patients of whom one knows other images."""
    known = [any(each.known.of(sha256) for each in subjects) for sha256 in index.hashes]
    met = {patient for patient, has in zip(index.patients, known, strict=True) if has} - {None}
    count = sum(index.patients[row] in met and not known[row] for row in rows.tolist())
    if count:
        yield (
            f"{count} images are of patients of whom a model was trained or chosen on other "
            "images: figures are too good as far as it recognises patients"
        )


def find_subjects(wanted: Wanted) -> tuple[JudgedModel, ...]:
    """Find models and what is known of them; none is loaded.

    Raises:
        UsageError: two are the same, or tell other classes apart.
        StoreError: there is no such model, or its files were changed.
    """
    models = [Located(uri, unverified=wanted.unverified) for uri in wanted.model]
    classes = models[0].card.classes
    for each in models:
        if set(each.card.classes) != set(classes):
            raise UsageError(
                f"--model: models are compared if they tell the same classes apart; {each.uri} "
                f"tells {shown(each.card.classes)}, {models[0].uri} tells {shown(classes)}."
            )
    labels = [_label(each) for each in models]
    if len(set(labels)) < len(labels):
        raise UsageError(f"--model names a model twice: {', '.join(wanted.model)}.")
    return tuple(
        JudgedModel(
            model=each,
            label=label,
            point=_point(wanted, each),
            known=known_images(known_of(each), each.kept.run_id if each.kept else ""),
        )
        for each, label in zip(models, labels, strict=True)
    )


def _label(model: Located) -> str:
    """Return what a model is called: `chest-ct-3` for version 3, `cnn-0a1b2c3d` for a run's."""
    if model.kept is None:
        return slug(f"{model.card.data}-{model.card.spec_digest[:8]}")
    if model.kept.name:
        return f"{folder_name(model.kept.name)}-{model.kept.version}"
    name = model.uri.rpartition("/")[2] if model.uri.startswith("runs:") else model.card.data
    return slug(f"{name}-{model.kept.run_id[:8]}")


def _point(wanted: Wanted, model: Located) -> OperatingPoint | None:
    """Return the operating point at which a model is judged, None where it has none.

    Raises:
        UsageError: what is asked for lacks a threshold, or the classes that are positive.
    """
    classes = model.card.classes
    own = point_of(model)
    asked = check_positive(wanted.positive, classes) if wanted.positive else None
    if wanted.operating_point is not None:
        positive = asked or (own.positive if own else default_positive(classes))
        if positive is None:
            raise UsageError(
                "--operating-point needs --positive CLASS[+CLASS] where a model tells more than "
                f"two classes apart: {shown(classes)}."
            )
        threshold = wanted.operating_point
        rule = f"threshold={threshold:g}"
        return OperatingPoint(positive=positive, rule=rule, threshold=threshold)
    if asked and (own is None or set(own.positive) != set(asked)):
        has = f"is for {'+'.join(own.positive)}" if own else "was never fixed"
        raise UsageError(
            f"--positive: the operating point of {model.uri} {has}; give a threshold too: "
            "--operating-point threshold=0.5"
        )
    if own is None and wanted.prevalence is not None:
        raise UsageError(
            f"--prevalence would not be read: {model.uri} has no operating point; give one by "
            "--operating-point threshold=0.5"
        )
    return own
