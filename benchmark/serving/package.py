"""Put a network, its card and its code into the form that MLflow logs as a model.

The code is the modules that `model.py` needs, found by following relative imports.
"""

import ast
import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ..errors import DataError
from .card import Card
from .model import ERROR, LABEL

_PACKAGE = Path(__file__).parent.parent
_ENTRY = "serving/model.py"
# MLflow without the part that serves its pages, and what it reads a database with: a third of the
# bytes of all of it.
_NEEDED = ("mlflow-skinny", "alembic", "sqlalchemy", "numpy", "pandas", "pillow", "pydicom")
# One package has two names: the smaller one is made for Linux on x86 alone.
_ON_LINUX = 'sys_platform == "linux" and platform_machine == "x86_64"'
_ELSEWHERE = 'sys_platform != "linux" or platform_machine != "x86_64"'
_BACKENDS = {"tensorflow-cpu": _ON_LINUX, "tensorflow": _ELSEWHERE}
_OPTIONAL = (
    "pylibjpeg",
    "pylibjpeg-libjpeg",
    "pylibjpeg-openjpeg",
    "pylibjpeg-rle",
    "python-gdcm",
    "pyjpegls",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """A model's parts, ready to be logged.

    Attributes:
        code: the package folder that travels with the model.
        loader: the module in it that loads the model.
        data: a folder with the card, into which the network belongs.
        files: the network's files, left where they were: some have hundreds of megabytes.
        card: the card.
        requirements: what must be installed to load the model, pinned, each for the platforms
            that it is made for.
        example: an image the model can be tried with, the base64 text of a PNG.
    """

    code: Path
    loader: str
    data: Path
    files: tuple[Path, ...]
    card: Card
    requirements: tuple[str, ...]
    example: str


def package(folder: Path, card: Card, into: Path) -> Packed:
    """Pack a saved network for the registry.

    Args:
        folder: what holds the network's files.
        card: what it says of itself.
        into: an empty folder for the parts.

    Raises:
        DataError: a class has the name of another column of the model's output.
    """
    taken = sorted({LABEL, ERROR} & set(card.classes))
    if taken:
        raise DataError(
            f"no class may be named {' or '.join(taken)}: the model's output has such a column; "
            "rename the class folder."
        )
    modules = needed_modules(_PACKAGE, _ENTRY)
    # The name holds the code's hash, so that two versions of a model live in one process.
    name = f"scan_model_{code_digest(_PACKAGE, modules)[:12]}"
    copy_modules(_PACKAGE, modules, into / "code" / name)
    data = into / "model"
    data.mkdir(parents=True)
    card.write(data)
    return Packed(
        code=into / "code" / name,
        loader=f"{name}.serving.model",
        data=data,
        files=tuple(folder / name for name in card.files),
        card=card,
        requirements=_requirements(is_light=card.is_light),
        example=_example(card.picture.side_px),
    )


def needed_modules(package: Path, entry: str) -> tuple[str, ...]:
    """Return the files that a module needs within its package, itself among them.

    Args:
        package: the package's folder.
        entry: the module's path relative to it, such as `serving/model.py`.

    Returns:
        Relative paths, sorted. The `__init__.py` of folders are not among them: a front door
        leads to everything.

    Raises:
        FileNotFoundError: an import does not name a module's file.
    """
    found: set[str] = set()
    open_ = [entry]
    while open_:
        module = open_.pop()
        if module in found:
            continue
        found.add(module)
        open_.extend(_imports(package, module))
    return tuple(sorted(found))


def code_digest(package: Path, modules: tuple[str, ...]) -> str:
    """Return a digest over the contents of modules, 64 hexadecimal digits."""
    whole = hashlib.sha256()
    for module in modules:
        content = (package / module).read_bytes()
        whole.update(f"{module}\n{len(content)}\n".encode() + content)
    return whole.hexdigest()


def copy_modules(package: Path, modules: tuple[str, ...], into: Path) -> None:
    """Copy modules into a package of another name, with empty front doors."""
    for module in modules:
        target = into / module
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(package / module, target)
    for folder in [into, *(path for path in into.rglob("*") if path.is_dir())]:
        (folder / "__init__.py").touch()


def _imports(package: Path, module: str) -> Iterator[str]:
    """Yield the files that a module imports from by relative imports."""
    folder = Path(module).parent
    for node in ast.walk(ast.parse((package / module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = folder
            for _ in range(node.level - 1):
                base = base.parent
            target = base.joinpath(*(node.module or "").split("."))
            names = (
                [target] if _is_module(package, target) else [target / a.name for a in node.names]
            )
            for name in names:
                if not _is_module(package, name):
                    raise FileNotFoundError(
                        f"{module}: line {node.lineno} must import from a module's own file, "
                        f"not from the front door {target.as_posix()!r}."
                    )
                yield f"{name.as_posix()}.py"


def _is_module(package: Path, name: Path) -> bool:
    return (package / f"{name.as_posix()}.py").is_file()


def _requirements(*, is_light: bool) -> tuple[str, ...]:
    """Pin what the model's code imports to the versions that are installed.

    A backend is pinned for every platform by the version that is installed on this one.
    """
    found = [_pinned(name) for name in (*_NEEDED, *_OPTIONAL)]
    if is_light:
        found.append(_pinned("openvino"))
    else:
        backend = next(filter(None, map(_version, _BACKENDS)), None)
        found += [_pinned("keras")]
        found += [f"{name}=={backend} ; {on}" for name, on in _BACKENDS.items() if backend]
    return tuple(line for line in found if line)


def _pinned(name: str) -> str:
    """Return a package's requirement, nothing where it is not installed."""
    found = _version(name)
    return f"{name}=={found}" if found else ""


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _example(side_px: int) -> str:
    """Draw a bright ring on a dark ground, roughly a chest, as the base64 text of a PNG."""
    import base64
    import io

    import numpy as np
    from PIL import Image

    side = min(side_px, 64)  # a few hundred bytes: the example is copied into every model
    grid = np.linspace(-1, 1, side)
    radius = np.hypot(grid[:, None] * 1.2, grid[None, :])
    pixels = np.where(radius < 0.9, np.where(radius > 0.7, 200, 60), 0).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode("ascii")
