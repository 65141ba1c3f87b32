"""The job that lists search spaces."""

from collections.abc import Sequence

from ..plan import check_space
from ..records import Regime
from ..search import Space, read_space, space_names
from ..zoo import ARCHITECTURES
from .progress import wide_console

_TRIED = {
    "head": ("mobilenetv2", Regime.FROZEN),
    "linear": ("mobilenetv2", Regime.FROZEN),
    "augmentation": ("mobilenetv2", Regime.FROZEN),
    "finetune": ("mobilenetv2", Regime.FINETUNE),
    "cnn": ("cnn", Regime.SCRATCH),
    "mlp": ("mlp", Regime.SCRATCH),
    "scratch": ("mlp", Regime.SCRATCH),
    "smoke": ("mobilenetv2", Regime.FROZEN),
}
"""What each built-in space is checked against when it is listed."""


def show_spaces(names: Sequence[str]) -> int:
    """List search spaces with what they move, and check them; the built-in ones by default."""
    from rich.table import Table

    console = wide_console()
    for name in names or space_names():
        space = read_space(name)
        if space.name in _TRIED:
            architecture, regime = _TRIED[space.name]
            check_space(space, ARCHITECTURES[architecture], regime)
        table = Table(title=f"{space.name}: {space.about}", title_justify="left")
        for heading in ("parameter", "values", "when", "source"):
            table.add_column(heading, overflow="fold")
        for parameter in space.parameters:
            when = ", ".join(
                f"{each.name} in {'/'.join(map(str, each.values))}" for each in parameter.when
            )
            table.add_row(parameter.name, _values(space, parameter.name), when, parameter.source)
        console.print(table)
    return 0


def _values(space: Space, name: str) -> str:
    parameter = space[name]
    if parameter.low is None:
        return ", ".join(map(str, parameter.choices)) or parameter.kind.value
    scale = ", log" if parameter.log else ""
    step = f", step {parameter.step:g}" if parameter.step else ""
    return f"{parameter.low:g} to {parameter.high:g}{step}{scale}"
