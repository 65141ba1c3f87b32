"""The frozen regime: a head over features that every image was passed through once for."""

from functools import cached_property
from typing import Any

import numpy as np

from ..environment import seconds
from ..records import Params, Part, Progress, Seconds, Spec
from ..seeds import derive
from ..zoo import (
    ARCHITECTURES,
    Backbone,
    assemble,
    build_backbone,
    calibrate,
    read_scales,
    see_at_scales,
    shares_in,
)
from .declared import DEFAULT_VIEWS
from .folds import fold_count
from .heads import Head, Lesson, evidence_of, fit_head, fit_logistic, settings_of
from .inputs import Views
from .material import Examples, Fitted, Material
from .passes import Passes
from .tunables import is_fresh, is_logistic, policies, views_of


class Trunk:
    """A spec's frozen backbone at the shares of a picture's side, built when first needed."""

    def __init__(self, spec: Spec, material: Material) -> None:
        self._spec = spec
        self._material = material
        self._built: dict[tuple[float, ...], Backbone] = {}

    def at(self, scales: tuple[float, ...]) -> Backbone:
        """Return the backbone with its weights, seeing pictures at some shares of their side.

        Where a spec names the whole side alone, it is built for that; else all share one network
        that takes any side.
        """
        if scales not in self._built:
            self._built[scales] = self._build(scales)
        return self._built[scales]

    @property
    def backbone(self) -> Backbone:
        """The backbone at the scales of a spec that names no alternatives."""
        return self.at(read_scales(self._spec.params))

    def _build(self, scales: tuple[float, ...]) -> Backbone:
        if shares_in(self._spec.params) == scales == (1.0,):
            return self._calibrated(self._bare())
        return see_at_scales(self._any_side, self._spec.picture, scales)

    @cached_property
    def _any_side(self) -> Backbone:
        return self._calibrated(self._bare(any_side=True))

    def _bare(self, **how: Any) -> Backbone:
        spec = self._spec
        return build_backbone(
            ARCHITECTURES[spec.arch],
            spec.picture,
            self._material.weights,
            derive(spec.seed, "backbone"),
            **how,
        )

    def _calibrated(self, built: Backbone) -> Backbone:
        """Give an untrained backbone batch statistics from train."""
        if self._spec.weights == "none":
            material = self._material
            hashes = [material.hashes[row] for row in material.calibration_rows]
            calibrate(built, material.pixels.array[material.pixels.rows(hashes)])
        return built


class OverFeatures:
    """A spec's features, computed now or found in the cache, and heads trained over them.

    The arguments are those of `Passes`, and the trunk if it is built already.

    Attributes:
        trunk: the backbone.
        passes: the passes through it.
        features: of all images, at every share of the side that the spec names.
        views: of augmented training images, by the words of each policy that the spec names.
        seconds: what all of them cost, whenever that was.
    """

    def __init__(
        self,
        spec: Spec,
        material: Material,
        progress: Progress,
        engine: str | None = None,
        trunk: Trunk | None = None,
    ) -> None:
        self._spec = spec
        self._progress = progress
        self.trunk = own = trunk or Trunk(spec, material)
        self.passes = Passes(spec, material, progress, engine)
        self.features = self.passes.features(own.at)
        self._keys, self.seconds = [self.features.key], self.features.seconds
        self.views: dict[str, Views] = {}
        for policy in policies(spec.params):
            self.views[policy], kept = self.passes.views(policy, own.at)
            self._keys.append(kept.key)
            self.seconds += kept.seconds

    def head(self, material: Material, *, in_fold: bool = False) -> Head:
        """Train the spec's head.

        What a convex head is chosen on is the material's train; with val where the board ranks on
        answers out of fold, and never what is held out of a fold.

        Args:
            material: the images; in a fold those of the fold.
            in_fold: whether val was set aside in a fold. No epoch of a convex head is chosen on
                it, so that it is learnt from like the rest: the fold's network has seen about as
                many images as the one that it stands for.
        """
        spec, progress = self._spec, self._progress
        train, val = material.examples(Part.TRAIN), material.examples(Part.VAL)
        if is_logistic(spec.params):
            if in_fold and material.taught is None:
                train = Examples(
                    rows=np.concatenate([train.rows, val.rows]),
                    labels=np.concatenate([train.labels, val.labels]),
                )
            lesson = Lesson(
                features=self.features,
                views=self.views,
                evidence=evidence_of(material, fold_count(spec.rank_on) > 0),
                train=train,
                val=val,
                cache=material.cache,
                keys=tuple(self._keys),
            )
            return fit_logistic(spec.params, lesson, progress, material.seen)
        progress.stage("head", total=spec.epochs, unit="epochs")
        return fit_head(
            self.features,
            spec.params,
            train,
            val,
            settings_of(spec, material),
            classes=len(material.classes),
            seed=derive(spec.seed, "head"),
            report=progress.epoch,
            views=next(iter(self.views.values()), None),
            seen=material.seen,
        )


def train_frozen(
    spec: Spec,
    material: Material,
    progress: Progress,
    engine: str | None = None,
    trunk: Trunk | None = None,
) -> Fitted:
    """Train a head over features; the arguments are those of `OverFeatures`."""
    began = seconds()
    over = OverFeatures(spec, material, progress, engine, trunk)
    started = seconds()
    head = over.head(material)
    standing = head.standing(len(material.classes))
    took = seconds() - started + head.choice.charged
    val, test = (head.predict(material.pictures(part)) for part in (Part.VAL, Part.TEST))
    return Fitted(
        network=assemble(over.trunk.at(read_scales(head.params)), standing, head.params),
        history=head.trained.history,
        val=val,
        test=test,
        seconds=Seconds(
            decode=material.pixels.seconds,
            features=over.seconds,
            head=took,
            wall=seconds() - began,
        ),
        engine=over.features.engine,
        facts=over.features.facts,
        warnings=(*notes_on_views(head.params), *head.choice.notes),
        params=None if head.params == spec.params else head.params,
        tried=head.choice.tried,
    )


def notes_on_views(params: Params) -> tuple[str, ...]:
    """Return warnings on how augmentation was applied over a frozen backbone."""
    asked, used = params.integer("views"), views_of(params)
    if is_fresh(params):
        note = (
            "training images are varied afresh every epoch of the second stage; the first reads "
            f"{used} views of each, computed once, and the image itself."
        )
        return (note,)
    if asked and not used:
        return (f"views={asked} changed nothing: there is no augmentation to make views with.",)
    if used == DEFAULT_VIEWS:
        note = (
            f"augmentation gives {used} views of each training image, computed once, beside the "
            "image itself; --views sets how many."
        )
        return (note,)
    return ()
