"""At which side images are decoded, and at which shares of it each network reads them.

A benchmark has one picture: composites are made of networks that read the same pixels, and a board
compares what was shown the same. Larger ones show more and cost the square of their side, so that
only quick networks can afford them; the others shrink the picture inside.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..data import DATA_SETS, median_pixels
from ..errors import UsageError
from ..records import Index, Picture, Regime, Spec
from ..request import Request
from ..zoo import ARCHITECTURES, Architecture
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
    costs = [_passes(cheapest, filled[1:count], images) for count in range(1, len(filled) + 1)]
    found = max(side for side, cost in zip(filled, costs, strict=True) if cost <= budget)
    if found < filled[-1]:
        why = f"at {filled[-1]} px, which they fill, even {_CHEAPEST} would take "
        why += f"{in_minutes(costs[-1])} more"
    elif found < sides[-1]:
        why = "they fill no more"
    else:
        why = f"they fill it, twice the usual {own}"
    return FilledSide(px=found, note=f"images are read at {found} px: {why}.")


def scales_for(
    request: Request, architecture: Architecture, regime: Regime, index: Index, picture: Picture
) -> str | None:
    """Return the shares of the picture that a network reads; None where that is not the plan's.

    Its own is that of the data set's own side, or the least that it can be built for. Where a
    frozen network's head chooses, there are also the larger ones that its passes leave time for,
    all or the next, and all together, which is no further pass: `0.5/0.75/1/0.5+0.75+1`.
    """
    own, *larger = _shares(architecture, index, picture) or (None,)
    if own is None or request.side != "fill" or "scales" in request.params:
        return None
    for some in (larger, larger[:1]) if _chooses(request, regime) else ():
        cost = _passes(architecture, [_side(picture, each) for each in some], len(index))
        if some and cost <= request.chosen_preset.larger_sides_seconds:
            return "/".join([own, *some, "+".join([own, *some])])
    return own


def sides_notes(
    request: Request, specs: Iterable[Spec], index: Index, picture: Picture
) -> tuple[str, ...]:
    """Say at which sides networks read the picture, and what larger ones would have taken."""
    if request.side != "fill" or picture.side_px == own_side_px(index):
        return ()
    readers: dict[str, list[str]] = {}
    slow = []
    for spec in specs:
        sides = spec.sides_px
        if not sides:
            continue
        readers.setdefault(_words(sides), []).append(spec.arch)
        larger = [
            _side(picture, each)
            for each in _shares(ARCHITECTURES[spec.arch], index, picture)
            if _side(picture, each) > sides[-1]
        ]
        if larger and _chooses(request, spec.regime) and "scales" not in request.params:
            seconds = _passes(ARCHITECTURES[spec.arch], larger, len(index))
            slow.append(f"{spec.arch} {in_minutes(seconds)}")
    read = "; ".join(f"{sides} by {', '.join(names)}" for sides, names in readers.items())
    left = f" Larger sides would take {', '.join(slow)} more." if slow else ""
    return (f"images are read at {read}.{left}",)


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


def _shares(architecture: Architecture, index: Index, picture: Picture) -> list[str]:
    """Return the shares of a picture that a network can be built for, its own first."""
    own = own_side_px(index)
    shares = next((_LADDERS[x] for x in _LADDERS if round(own * x) == picture.side_px), ("1",))
    return [each for each in shares if _side(picture, each) >= architecture.smallest_side_px]


def _chooses(request: Request, regime: Regime) -> bool:
    """Whether a network's head chooses what it reads."""
    return regime is Regime.FROZEN and request.params.get("head", "logistic") == "logistic"


def _passes(architecture: Architecture, sides: Iterable[int], images: int) -> float:
    return sum(nominal_pass_seconds(architecture, side, images) for side in sides)


def _side(picture: Picture, share: str) -> int:
    return round(picture.side_px * float(share))


def _words(sides: Sequence[int]) -> str:
    *others, last = map(str, sides)
    return f"{', '.join(others)} and {last} px" if others else f"{last} px"
