"""What stands in a model's folder: a seal over its files, and whether this project made it.

A model's folder holds code, and its MLmodel says which code is run. So both are looked at before
anything is loaded; nothing here imports, unpickles or opens a network.
"""

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import DataError, UsageError
from ..files import file_digest
from ..plain_yaml import read_yaml
from .card import NETWORK_FILE, WEIGHTS_FILE
from .package import code_digest

MODEL_FILE = "MLmodel"
CODE = "code"
DATA = "data/model"

# Left out of the seal, and read by nothing that loads a model: the first MLflow itself writes into
# a folder that it hands out, the others are texts about the version, which may change.
_OUTSIDE = frozenset({"registered_model_meta", "card.md", "claim.md"})
# Python's own, written by whoever loads the model in place; never read, see `tracking.pulling`.
_BYTECODE = "__pycache__"
_LOADER = re.compile(r"(scan_model_([0-9a-f]{12}))\.serving\.model")
_NETWORKS = {f"{DATA}/{name}".encode() for name in (NETWORK_FILE, WEIGHTS_FILE)}
_MOST_NETWORK = 8 * 2**30  # chosen: the largest of the zoo has half a gigabyte
_MOST_OTHER = 16 * 2**20
_KEYS = {"code", "data", "env", "loader_module", "python_version", "streamable"}
# Of the flavor that `mlflow.keras.load_model` reads (3.17): it loads `data`/model.keras, but a
# folder of TensorFlow's where `save_exported_model` is true.
_KERAS_KEYS = {"data", "keras_backend", "keras_version", "save_exported_model"}
_WORD = re.compile(r"[a-z0-9.]+")


def seal(folder: Path) -> str:
    """Return a model's bytes and a digest over the names, sizes and contents of its files.

    Raises:
        DataError: something in the folder is a link or no plain file, or cannot be read.
    """
    files = sorted(_files(folder))
    whole = hashlib.sha256()
    for name, size in files:
        try:
            content = file_digest(folder / os.fsdecode(name))
        except OSError as error:
            raise DataError(f"{_told(name)} cannot be read: {error.strerror}") from error
        whole.update(b"%d %s\n%d %s\n" % (len(name), name, size, content.encode()))
    return f"{sum(size for _, size in files)}-{whole.hexdigest()}"


def check_seal(folder: Path, expected: str) -> None:
    """Hold a model's folder to the seal that was made when it was logged.

    The sizes are compared first, so that a huge file is not read.

    Raises:
        DataError: its files are others.
    """
    wanted, _, _ = expected.partition("-")
    size = sum(size for _, size in _files(folder))
    if str(size) != wanted:
        raise DataError(f"its files have {size:,} bytes, and had {wanted} when it was logged")
    found = seal(folder)
    if found != expected:
        raise DataError(
            f"the digest of its files is {_short(found)}, and was {_short(expected)} when it was "
            "logged"
        )


def check_maker(folder: Path, *, code: bool = True) -> str:
    """Hold a model's folder to what this project writes: no other loader, nothing to unpickle.

    Args:
        folder: the model's folder.
        code: whether its code must be the code that its name says.

    Returns:
        The module that loads it, in the folder `code`.

    Raises:
        DataError: it is none of this project's models, or its code was changed.
    """
    if not (folder / MODEL_FILE).is_file():
        raise DataError(f"a model's folder must hold {MODEL_FILE}, and {folder} has none")
    _check_sizes(folder)  # and that no link and no pipe is opened below
    try:
        package, digest = _loader(read_yaml(folder / MODEL_FILE, "a model's description"))
    except UsageError as error:
        raise DataError(str(error)) from error
    inside = sorted(path.name for path in (folder / CODE).iterdir() if path.name != _BYTECODE)
    if inside != [package]:  # MLflow puts this folder before all others that Python imports from
        raise DataError(f"its folder {CODE} must hold {package} and nothing else")
    if code and _code_digest(folder / CODE / package) != digest:
        raise DataError(f"its code was changed: its digest is not {digest}, as {package} says")
    return f"{package}.serving.model"


def _check_sizes(folder: Path) -> None:
    for name, size in _files(folder):
        most = _MOST_NETWORK if name in _NETWORKS else _MOST_OTHER
        if size > most:
            raise DataError(f"{_told(name)} must have {most:,} bytes at most, and has {size:,}")


def _loader(described: Any) -> tuple[str, str]:
    """Return the package that loads a model, and the digest in its name.

    Raises:
        DataError: something else loads it.
    """
    flavors = described.get("flavors") if isinstance(described, dict) else None
    flavor = flavors.get("python_function") if isinstance(flavors, dict) else None
    if not isinstance(flavors, dict) or not isinstance(flavor, dict):
        raise DataError(f"its {MODEL_FILE} must name the flavor python_function")
    if not set(flavors) <= {"python_function", "keras"}:
        raise DataError(f"its {MODEL_FILE} may name the flavors python_function and keras alone")
    if "keras" in flavors and not _is_ours(flavors["keras"]):
        raise DataError(f"its {MODEL_FILE} must have Keras load {DATA}, and nothing else")
    loader = _LOADER.fullmatch(str(flavor.get("loader_module")))
    places = (flavor.get("code"), flavor.get("data"))
    if loader is None or not set(flavor) <= _KEYS or places != (CODE, DATA):
        raise DataError(
            f"it is no model of this project: its {MODEL_FILE} must be loaded by "
            f"scan_model_….serving.model from {CODE} and {DATA}, and by nothing else"
        )
    return loader[1], loader[2]


def _is_ours(flavor: Any) -> bool:
    """Whether a flavor `keras` says what this project writes, key by key."""
    if not isinstance(flavor, dict) or set(flavor) != _KERAS_KEYS:
        return False
    words = (flavor["keras_backend"], flavor["keras_version"])
    return (
        flavor["data"] == DATA
        and flavor["save_exported_model"] is False
        and all(isinstance(each, str) and _WORD.fullmatch(each) for each in words)
    )


def _code_digest(package: Path) -> str:
    """Return the beginning of the digest of a model's code, nothing where it holds other files."""
    modules = []
    for name, size in sorted(_files(package)):
        path = os.fsdecode(name)
        if Path(path).name == "__init__.py" and size == 0:
            continue
        if not path.endswith(".py"):
            return ""
        modules.append(path)
    return code_digest(package, tuple(modules))[:12]


def _files(folder: Path) -> Iterator[tuple[bytes, int]]:
    """Yield the files below a folder: the relative name, with slashes, and the size in bytes.

    Raises:
        DataError: one is a link or no plain file, or a folder cannot be read.
    """
    open_ = [folder]
    while open_:
        path = open_.pop()
        name = path.relative_to(folder).as_posix()
        try:
            found = path.stat(follow_symlinks=path == folder)
            if stat.S_ISDIR(found.st_mode):
                open_ += [each for each in path.iterdir() if each.name != _BYTECODE]
            elif not stat.S_ISREG(found.st_mode):
                raise DataError(f"{_told(os.fsencode(name))} must be a plain file, and is none")
            elif name not in _OUTSIDE:
                yield os.fsencode(name), found.st_size
        except OSError as error:
            raise DataError(
                f"{_told(os.fsencode(name))} cannot be read: {error.strerror}"
            ) from error


def _told(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")


def _short(sealed: str) -> str:
    return f"{sealed.partition('-')[2][:12]}…"
