"""The board's champion by rule in the registry: refused, a candidate, or champion."""

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from ..board import (
    CLAIM_FILE,
    Board,
    Champion,
    Duel,
    PaperFacts,
    Promotion,
    claim_draft,
    model_card,
    promote,
)
from ..errors import AwayError, BenchmarkError, DataError, PromotionError
from ..evaluation import OperatingPoint, judge
from ..records import Part, Reader, Record
from ..tracking import (
    CANDIDATE,
    CHAMPION,
    COMPARED_WITH,
    COMPARISON,
    FORCED,
    GATE,
    Registration,
    Tracker,
    Version,
)
from .replacing import challenge, read_all


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """What came of registering: a line for a person, and whether it went well.

    Attributes:
        name: the registered model's name; `uri` what loads it, empty where there is none.
        said: what happened, in a line.
        is_mistake: whether the name is another data set's, which a person must mend.
        failed: whether the model was tried and did not give the recorded probabilities.
    """

    name: str
    uri: str
    said: str
    is_mistake: bool = False
    failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Registering:
    """How a board's champion is to be registered.

    Attributes:
        tracker: where the runs and the registry are.
        name: the registered model's name.
        reader: gives the images of the board's data set as they are stored.
        say: told what takes long.
        force: make it champion whatever a comparison says, as a person asked for.
    """

    tracker: Tracker
    name: str
    reader: Reader
    say: Callable[[str], None]
    force: bool = False


def register(how: Registering, board: Board, chosen: Record | None = None) -> Registered:
    """Register the board's champion by rule, or a run that a person chose.

    The alias `champion` is given to the first version of a name, to one that the present champion
    was compared with and lost to, and where a person forces it; any other is `candidate`.
    """
    present = how.tracker.registry.find(how.name, CHAMPION)
    known = None if present is None else _known(how.tracker, present)
    uri = "" if present is None else present.uri
    if known is not None and (told := known.tells_others_than(board)) is not None:
        said = f"the registered model {how.name} tells {told}; nothing is registered: name another"
        return Registered(
            name=how.name, uri=uri, said=f"{said} with --register NAME.", is_mistake=True
        )
    decision = promote(board, known, force=how.force, chosen=chosen)
    if not isinstance(decision, Promotion):
        return Registered(name=how.name, uri=uri, said=decision.reason)
    why_not, tags = _objection(how, decision, present)
    decision, decided = _told(decision, tags, why_not)
    how.say(f"registers {decision.record.spec.arch} as {how.name} and tries it in a fresh process")
    return _register(how, board, decision, decided, why_not)


def _known(tracker: Tracker, present: Version) -> Champion:
    """Return what is known of the champion; classes that its tags lack are those of its run."""
    known = Champion.from_tags(present.version, present.tags)
    if known.classes or not present.run_id:
        return known
    try:
        return replace(known, classes=tracker.predictions(tracker.record(present.run_id)).classes)
    except AwayError:
        raise
    except BenchmarkError:
        return known


def _objection(
    how: Registering, decision: Promotion, present: Version | None
) -> tuple[str, dict[str, str]]:
    """Return why a version may only be a candidate, nothing where it may be champion; and tags."""
    if how.force:
        return "", {FORCED: "yes"}
    if not decision.certain:
        return decision.doubt, {}
    if left := how.tracker.registry.was_left(how.name, decision.record.model_id):
        return f"a person went back from it, version {left} (benchmark rollback)", {}
    if present is None:
        return "", {}
    found = _earlier(how, decision.record, present)
    if found is None:
        found = challenge(how.tracker, present, decision.record, how.reader, how.say)
    tags = {COMPARED_WITH: present.version, COMPARISON: found.said}
    return ("" if found.replaces else found.said), tags


def _earlier(how: Registering, record: Record, present: Version) -> Duel | None:
    """Return what came of the same comparison before, where the run is the candidate already."""
    candidate = how.tracker.registry.find(how.name, CANDIDATE)
    if candidate is None or candidate.model_id != record.model_id:
        return None
    if candidate.tags.get(COMPARED_WITH) != present.version:
        return None
    return Duel(replaces=False, said=candidate.tags[COMPARISON])


def _told(
    decision: Promotion, tags: Mapping[str, str], why_not: str
) -> tuple[Promotion, tuple[str, ...]]:
    """Return a promotion whose tags say what was decided and why, and that in sentences."""
    said = ""
    if why_not:
        said, gate = f"Candidate, not champion: {why_not}.", f"candidate: {why_not}"
    elif FORCED in tags:
        said = "Made champion by a person, without a comparison with the one before."
        gate = "champion: made so by a person, without a comparison"
    elif COMPARISON in tags:
        said = f"It replaced version {tags[COMPARED_WITH]}: {tags[COMPARISON]}."
        gate = f"champion in the place of version {tags[COMPARED_WITH]}: {tags[COMPARISON]}"
    else:
        gate = "champion: the first of this name"
    return replace(decision, tags={**decision.tags, **tags, GATE: gate}), (said,) if said else ()


def facts_of(tracker: Tracker, record: Record, decided: tuple[str, ...]) -> PaperFacts:
    """Return what a run's card says beside its row."""
    kept = record.operating_point
    point = OperatingPoint.from_json(kept) if kept else None
    judged = {} if point is None else judge(point, tracker.predictions(record).part(Part.TEST))
    return PaperFacts(
        temperature=record.temperature,
        point=point,
        judged=judged,
        made_on=tracker.made_on(record),
        decided=decided,
    )


def _register(
    how: Registering, board: Board, decision: Promotion, decided: tuple[str, ...], why_not: str
) -> Registered:
    row, record = decision.row, decision.record
    try:
        facts = facts_of(how.tracker, record, decided)
        check = how.tracker.check(decision.record)
        read_all(check, how.reader)  # before a version is made: without them it cannot be tried
        version = how.tracker.registry.register(
            decision.record,
            Registration(
                name=how.name,
                description=model_card(board, row, record, facts),
                papers={CLAIM_FILE: claim_draft(board, row, record, facts)},
                tags=decision.tags,
                check=check,
                reader=how.reader,
                alias=CANDIDATE if why_not else CHAMPION,
            ),
        )
    except (PromotionError, DataError) as error:
        return Registered(name=how.name, uri="", said=str(error), failed=True)
    arch = decision.record.spec.arch
    said = f"{version.name} version {version.version} is {version.alias}: {arch}"
    if why_not:
        said += f"; not champion: {why_not}; make it so by {_force_command(how, decision.record)}"
    else:
        compared = decision.tags.get(COMPARISON)
        said += f"; {compared}" if compared else ""
        said += (
            "; reloaded, its probabilities differ from the recorded ones by "
            f"{version.difference:.1g}"
        )
    return Registered(name=how.name, uri=version.uri, said=said)


def _force_command(how: Registering, record: Record) -> str:
    name = shlex.quote(how.name)
    return f"benchmark register --register {name} --run {record.run_id} --promote yes"
