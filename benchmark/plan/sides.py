"""At which side images are decoded, and at which shares of it each network reads them.

A benchmark has one picture: composites are made of networks that read the same pixels, and a board
compares what was shown the same. Larger ones show more and cost the square of their side, so that
only quick networks can afford them; the others shrink the picture inside.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ..data import DATA_SETS, median_pixels
from ..errors import UsageError
from ..records import Index, Picture, Regime, Spec
from ..request import Request
from ..training import is_logistic
from ..zoo import ARCHITECTURES, SCALES, Architecture
from .costs import in_minutes, nominal_pass_seconds

CHANNELS = {"rgb": 3, "grey": 1}
USUAL_SIDE_PX = 224  # what most of the zoo was pretrained at
# The sides that are tried, as multiples of the data set's own, and what shares of the picture
# they are where it has the last of them.
_LADDERS = {1.0: ("1",), 1.5: ("0.667", "1"), 2.0: ("0.5", "0.75", "1")}
_MOST_ENLARGED = 2.0  # chosen, not sourced: chest CT gained by 448 px, 1.7 times its pixels
_CHEAPEST = "mobilenetv2"


@dataclass(frozen=True, slots=True, kw_only=True)
class FilledSide:
    """A side that images fill, and a line that says so and what kept it from being larger."""

    px: int
    note: str


def choose_picture(request: Request, index: Index) -> tuple[Picture, tuple[str, ...]]:
    """Settle how files become pixels, by the request's options of pictures and the images alone.

    Returns:
        It, and what should be known of its side.
    """
    asked = request.side
    notes: tuple[str, ...] = ()
    if asked == "fill":
        budget = request.chosen_preset.larger_sides_seconds
        filled = fill_side(own_side_px(index), median_pixels(index), len(index), budget)
        asked, notes = filled.px, (filled.note,)
    picture = Picture(
        side_px=own_side_px(index) if asked == "own" else asked,
        channels=CHANNELS[request.channels],
        fit=request.fit,
        window=request.window,
        grey_range=index.grey_range,
    )
    return picture, notes


def own_side_px(index: Index) -> int:
    """Return a data set's own side: the usual one where it is none that is known by name."""
    return DATA_SETS[index.name].side_px if index.name in DATA_SETS else USUAL_SIDE_PX


def fill_side(own: int, pixels: float, images: int, budget: float) -> FilledSide:
    """Find the largest of own x {1, 1.5, 2} that images fill and that leaves time to read them.

    Args:
        own: the data set's own side.
        pixels: what an image has, in the median; a square may have twice as many.
        images: how many images the cheapest backbone would read at each side.
        budget: the most seconds that reading them at sides larger than their own may take.
    """
    sides = [round(own * step) for step in _LADDERS]
    filled = [own, *(side for side in sides[1:] if side**2 <= _MOST_ENLARGED * pixels)]
    cheapest = ARCHITECTURES[_CHEAPEST]
    costs = [
        nominal_pass_seconds(cheapest, filled[1 : count + 1], images)
        for count in range(len(filled))
    ]
    found = max(side for side, cost in zip(filled, costs, strict=True) if cost <= budget)
    if found < filled[-1]:
        why = f"at {filled[-1]} px, which they fill, even {_CHEAPEST} would take "
        why += f"{in_minutes(costs[-1])} more"
    elif found < sides[-1]:
        why = "they fill no more"
    else:
        why = f"they fill it, twice the usual {own}"
    return FilledSide(px=found, note=f"images are read at {found} px: {why}.")


def with_scales(request: Request, spec: Spec, index: Index) -> Spec:
    """Return a spec whose network reads the shares of the picture that are worth their time.

    Its own share is that of the data set's own side, or the least that it can be built for. Where
    a frozen network's head chooses, there are also the larger ones that its passes leave time for,
    all or the next, and all together, which is no further pass: `0.5/0.75/1/0.5+0.75+1`. What a
    person said of sides or scales stays as it is.
    """
    is_planned = request.side == "fill" and SCALES.name not in request.params
    shares = _shares(spec, index)
    if not is_planned or not shares or SCALES.name not in spec.params:
        return spec
    own, *larger = shares
    words = own
    for some in (larger[:1], larger) if _chooses(spec) else ():
        if some and _passes(spec, some, index) <= request.chosen_preset.larger_sides_seconds:
            words = "/".join([own, *some, "+".join([own, *some])])
    return replace(spec, params=spec.params.having({SCALES.name: words}))


def sides_notes(request: Request, specs: Iterable[Spec], index: Index) -> tuple[str, ...]:
    """Say at which sides networks read the picture, and what larger ones would have taken."""
    readers: dict[str, list[str]] = {}
    slow = []
    for spec in specs:
        if request.side != "fill" or spec.sides_px in ((), (spec.picture.side_px,)):
            continue  # what is read in full goes without saying
        readers.setdefault(_words(spec.sides_px), []).append(spec.arch)
        larger = [each for each in _shares(spec, index) if _side(spec, each) > spec.sides_px[-1]]
        if larger and _chooses(spec) and SCALES.name not in request.params:
            slow.append(f"{spec.arch} {in_minutes(_passes(spec, larger, index))}")
    if not readers:
        return ()
    read = "; ".join(f"{sides} by {', '.join(names)}" for sides, names in readers.items())
    left = f" Larger sides would take {', '.join(slow)} more." if slow else ""
    return (f"images are seen at {read}.{left}",)


def check_side(architectures: Sequence[Architecture], side_px: int) -> None:
    """Check that networks can be built for a side.

    Raises:
        UsageError: one of them needs a larger one.
    """
    small = [each for each in architectures if side_px < each.smallest_side_px]
    if small:
        needs = ", ".join(f"{each.name} (at least {each.smallest_side_px})" for each in small)
        raise UsageError(
            f"a side of {side_px} px is smaller than these networks allow: {needs}. "
            f"Raise it, or leave them out with --arch 'all,-{small[0].name}'."
        )


def _shares(spec: Spec, index: Index) -> list[str]:
    """Return the shares of the picture that a network can be built for, its own first."""
    own, least = own_side_px(index), ARCHITECTURES[spec.arch].smallest_side_px
    steps = [step for step in _LADDERS if round(own * step) == spec.picture.side_px]
    return [each for step in steps for each in _LADDERS[step] if _side(spec, each) >= least]


def _chooses(spec: Spec) -> bool:
    """Whether a frozen network's head chooses what it reads."""
    return spec.regime is Regime.FROZEN and is_logistic(spec.params)


def _passes(spec: Spec, shares: Iterable[str], index: Index) -> float:
    """Return the nominal seconds that images and their augmented views take at some shares."""
    sides = [_side(spec, each) for each in shares]
    images = len(index) * (1 + int(spec.params.get("views", 0)))
    return nominal_pass_seconds(ARCHITECTURES[spec.arch], sides, images)


def _side(spec: Spec, share: str) -> int:
    return round(spec.picture.side_px * float(share))


def _words(sides: Sequence[int]) -> str:
    *others, last = map(str, sides)
    return f"{', '.join(others)} and {last} px" if others else f"{last} px"
