"""The job that trains a scored recipe again on train and validation together, and registers it.

Nothing is chosen here, and nothing scored: parameters, epochs, temperature and operating point are
those of the run that was. Test images are only asked about once it is trained, so that the saved
network can be held to the features that it was trained on.
"""

import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from ..board import Promotion, model_card, promote
from ..cache import Cache
from ..data import NamedReader, group_keys, shown_names, unit_numbers
from ..errors import (
    AwayError,
    DataError,
    PromotionError,
    UsageError,
    is_interruption,
)
from ..evaluation import OperatingPoint, read_predictions
from ..files import write_text
from ..records import Epoch, Outcome, Record, Spec, State
from ..texts import masked
from ..tracking import (
    CHAMPION,
    FINAL,
    GATE,
    SCORED,
    SCORED_RUN,
    FinishedRun,
    Registration,
    Run,
    Tracker,
)
from ..training import joined, with_fixed_epochs
from ..worker import Event, Failure, LazyPool, Task, epochs_of, read_history
from ..zoo import ARCHITECTURES, NONE, Weights, WeightsChoice, resolve_weights
from .boards import board_with
from .leftovers import remove_if_empty
from .main_job import ALIVE, check_packages
from .progress import Display, show, wide_console
from .registering import facts_of
from .replacing import read_all
from .rereading import DividedImages, benchmark_of, read_again
from .results import folder_name, writable
from .store_jobs import asked_of, chosen_run, model_name, open_experiment

_OUTCOMES = ".final"  # not where `run` looks for what nobody logged: it would score it
_FIGURE = re.compile(r"(cv|val|test)_|ranked_on")  # tags of a version that was scored


@dataclass(frozen=True, slots=True, kw_only=True)
class Finalizing:
    """What a person asked to be trained once more, under the options' own names.

    Attributes:
        experiment: the experiment, None for the one with the latest benchmark.
        register: the registered model's name, None for the benchmark's own.
        run: the id of the run whose recipe it is, None for the champion's.
        data: the images, None for the run's own where their place is known.
        weights: where the backbone's weights are.
        output: the folder for logs and for what is under way.
        cache: where decoded images and features are kept.
        store_patience: minutes that the store is waited for.
    """

    experiment: str | None
    register: str | None
    run: str | None
    data: str | None
    weights: WeightsChoice
    output: str
    cache: str
    store_patience: float


def finalize_model(wanted: Finalizing, *, quiet: bool) -> int:
    """Train a scored recipe on train and validation together, and register the network.

    Returns:
        0, or 1 where the training failed or the registered model was refused.

    Raises:
        BenchmarkError: something that a person must mend, found before any training.
    """
    check_packages()
    writable(Path(wanted.output))
    writable(Path(wanted.cache), "cache")
    tracker = open_experiment(wanted.experiment, wanted.store_patience)
    name, scored = _scored(tracker, wanted)
    recipe = with_fixed_epochs(scored.final, _history(tracker, scored))
    weights = _weights(recipe, wanted.weights)
    papers = _Papers.of(tracker, scored)
    console, cache = wide_console(), Cache(Path(wanted.cache))
    folder = Path(wanted.output) / folder_name(tracker.experiment.name)
    with show(console, quiet=quiet) as display, tracker.present(folder / ALIVE):
        images = read_again(tracker, scored, wanted.data, cache, display)
        images = replace(images, split=joined(images.split))
        task = _task(replace(recipe, split_digest=images.split.digest), images, weights, cache)
        task = replace(
            task,
            folder=folder / _OUTCOMES / task.spec.digest,
            scratch=folder / "checkpoints" / task.spec.digest[:16],
            temperature=scored.temperature,
        )
        made = tracker.finished([task.spec.digest]).get(task.spec.digest)
        with closing(LazyPool(1, Path(wanted.output) / "logs", 0.0)) as pool:
            made = made or _trained(tracker, scored, task, pool, display)
        for each in (task.scratch, task.scratch.parent, task.folder.parent):
            remove_if_empty(each)
        if made.state is not State.FINISHED:
            said, code = f"{made.spec.arch} could not be trained again: {made.reason}", 1
        else:
            said, code = _registered(tracker, name, made, images, papers)
    console.print(said, highlight=False, markup=False, soft_wrap=True)
    return code


def _scored(tracker: Tracker, wanted: Finalizing) -> tuple[str, Record]:
    """Return the registered model's name, and the run whose recipe is to be trained again.

    Raises:
        UsageError: there is no champion, or no such run.
    """
    chosen = None if wanted.run is None else chosen_run(tracker, wanted.run)
    asked = asked_of(tracker) if chosen is None else benchmark_of(tracker, chosen).params
    data = asked.get("data", "") if chosen is None else chosen.spec.data
    name = wanted.register or model_name(asked, data)
    if chosen is None:
        champion = tracker.registry.find(name, CHAMPION)
        if champion is None:
            raise UsageError(
                f"{name!r} has no champion whose recipe could be trained again: register one "
                "first (benchmark register), or name a run with --run."
            )
        chosen = tracker.record(champion.run_id)
    if chosen.state is not State.FINISHED:
        raise UsageError(f"--run must name a finished run, and {chosen.run_id} is {chosen.state}.")
    return name, chosen


def _history(tracker: Tracker, record: Record) -> tuple[Epoch, ...]:
    """Return a run's epochs as they were logged, none where it has none."""
    return epochs_of(tracker.text(record.run_id, "history.json") or "[]")


def _weights(recipe: Spec, choice: WeightsChoice) -> Weights:
    """Return the weights that a recipe begins from.

    Raises:
        WeightsError: they cannot be had.
        UsageError: others are found.
    """
    if recipe.weights == NONE.identity:
        return NONE
    found = resolve_weights(ARCHITECTURES[recipe.arch], choice)
    if found.identity != recipe.weights:
        raise UsageError(
            f"{recipe.arch} began from the weights {recipe.weights_named}, and others are found "
            "here: name the file, or the folder that holds it, with --weights."
        )
    return found


def _task(spec: Spec, images: DividedImages, weights: Weights, cache: Cache) -> Task:
    """Return the task of a spec; where it leaves what, and its temperature, are for the caller."""
    index, facts = images.decoded.index, images.decoded.facts
    return Task(
        spec=spec,
        folder=cache.folder,
        classes=index.classes,
        labels=index.labels,
        hashes=index.hashes,
        paths=shown_names(index),
        groups=group_keys(index, facts),
        units=unit_numbers(index, facts),
        split=images.split,
        pixels=images.decoded.pixels.folder,
        weights=weights,
        cache=cache.folder,
        cache_bytes=None,
        scratch=cache.folder,
    )


def _trained(
    tracker: Tracker, scored: Record, task: Task, pool: LazyPool, display: Display
) -> Record:
    """Train in a worker and log what came of it, without any score."""
    run = tracker.start_final(benchmark_of(tracker, scored), task.spec)
    name = f"{task.spec.arch} on train and val"

    def say(_task: Task, event: Event) -> None:
        display.event(name, event)
        if isinstance(event, Epoch):
            run.epoch(event)

    display.plan(1)
    display.begin(name)
    with _closed_on_error(run):
        ((_, result),) = pool.open().run([task], lambda _: None, say)
        if isinstance(result, Failure):
            path = task.folder.parent.with_name("logs") / f"{task.spec.arch}-final-failure.log"
            write_text(path, masked(result.traceback))
            record = run.fail(result.reason)
        else:
            assert isinstance(result, Outcome), "nothing else is at this spec"
            record = run.finish(_finished(result, scored))
            shutil.rmtree(result.folder)
    display.end(record, name)
    return record


@contextmanager
def _closed_on_error(run: Run) -> Iterator[None]:
    """Close a run, whatever ends it, where its store answers."""
    try:
        yield
    except BaseException as error:
        with suppress(AwayError):  # a later start closes it
            run.fail("interrupted" if is_interruption(error) else str(error), State.KILLED)
        raise


def _finished(outcome: Outcome, scored: Record) -> FinishedRun:
    """Return what is logged: the network, its answers for test, and nothing that they score."""
    point = scored.operating_point
    return FinishedRun(
        outcome=outcome,
        predictions=read_predictions(outcome.folder / "predictions.parquet"),
        scores={},
        history=read_history(outcome.folder),
        point=OperatingPoint.from_json(point) if point else None,
        prevalence=scored.prevalence,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Papers:
    """What the scored run's board says of it.

    Attributes:
        scored: the run.
        tags: tags of a version of it, without its figures.
        card: its card.
    """

    scored: Record
    tags: Mapping[str, str]
    card: str

    @classmethod
    def of(cls, tracker: Tracker, scored: Record) -> Self:
        """Ask the board about a run.

        Raises:
            UsageError: it is not ranked.
        """
        board = board_with(tracker, scored)
        decision = promote(board, force=True, chosen=scored)
        if not isinstance(decision, Promotion):
            raise UsageError(f"its recipe is not trained again: {decision.reason}")
        card = model_card(board, decision.row, scored, facts_of(tracker, scored, ()))
        tags = {tag: text for tag, text in decision.tags.items() if not _FIGURE.match(tag)}
        return cls(scored=scored, tags=tags, card=card)

    def above(self, made: Record, images: int) -> str:
        """Return what stands above the scored run's card."""
        epochs = f", {made.spec.epochs} epochs" if made.spec.epochs > 1 else ""
        return (
            f"**NOT SCORED.** The recipe of the run {self.scored.run_id}, trained again on train "
            f"and validation together ({images} images{epochs}). No image was left to choose or "
            "score it on; its temperature and operating point are those of that run. It is never "
            f"{CHAMPION} by itself.\n\nWhat follows is the card of the run that was scored, whose "
            "network learnt from train alone."
        )


def _registered(
    tracker: Tracker, name: str, made: Record, images: DividedImages, papers: _Papers
) -> tuple[str, int]:
    """Register a final network; return what to say, and the exit code."""
    scored, reader = papers.scored, NamedReader(images.decoded.index)
    above = papers.above(made, len(images.split.train))
    tags = {
        **papers.tags,
        "run_id": made.run_id,
        "split_digest": made.spec.split_digest,
        "code": made.made_by,
        SCORED: "no",
        SCORED_RUN: scored.run_id,
        GATE: f"{FINAL}: trained on train and validation together, and so never scored",
    }
    check = tracker.check(made)
    try:
        read_all(check, reader)
        version = tracker.registry.register(
            made,
            Registration(
                name=name,
                description=f"{above}\n\n---\n\n{papers.card}",
                tags=tags,
                check=check,
                reader=reader,
                alias=FINAL,
            ),
        )
    except (PromotionError, DataError) as error:
        return str(error), 1
    return (
        f"{name} version {version.version} is {FINAL}: {made.spec.arch}, trained on "
        f"{len(images.split.train)} images of train and validation, never scored; {CHAMPION} stays "
        f"where it is. Use it: python -m benchmark predict --model {version.uri} IMAGE…"
    ), 0
