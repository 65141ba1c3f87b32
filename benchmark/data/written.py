"""What was understood of a data set, written as a table that `--data` reads again."""

import csv
import io
import os
from collections.abc import Iterator
from pathlib import Path

from ..errors import DataError, UsageError
from ..files import write_text
from ..records import Index
from .folders import FolderReader


def check_manifest(file: Path) -> None:
    """See that a manifest may be written there: nothing is overwritten.

    Raises:
        UsageError: there is such a file, or its name does not end as a table's.
    """
    if file.suffix.lower() != ".csv":
        raise UsageError(f"--write-manifest {file} must end in .csv, so that --data reads it.")
    if file.exists() or file.is_symlink():
        raise UsageError(
            f"--write-manifest {file}: there is such a file, which may have been mended by hand; "
            "name another, or move it away."
        )


def write_manifest(index: Index, file: Path) -> None:
    """Write an index as `path,label,part,patient`, paths relative to the table's folder.

    Patients are the index's opaque keys.

    Raises:
        DataError: the images are no files, or lie outside the table's folder.
    """
    if not isinstance(index.reader, FolderReader):
        raise DataError(f"{index.name} has no image files, so no table can name them.")
    table = io.StringIO(newline="")
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(("path", "label", "part", "patient"))
    paths = _relative(index.reader.root, index.paths, file.absolute().parent)
    columns = (paths, index.labels.tolist(), index.parts, index.patients)
    for path, label, part, patient in zip(*columns, strict=True):
        writer.writerow((path, index.classes[label], part or "", patient or ""))
    write_text(file, table.getvalue())


def _relative(root: Path, paths: tuple[str, ...], base: Path) -> Iterator[str]:
    """Yield each path relative to a table's folder; that of a linked one is where it leads."""
    real_base, folders = base.resolve(), dict[str, str]()
    for path in paths:
        above, _, name = path.rpartition("/")
        if above not in folders:
            real = (root / above).resolve()
            if not real.is_relative_to(real_base):
                raise DataError(
                    f"a table names images below its own folder, and {root / path} is not below "
                    f"{base}: write it to {_common(root, paths)}/NAME.csv."
                )
            folders[above] = real.relative_to(real_base).as_posix()
        yield name if folders[above] == "." else f"{folders[above]}/{name}"


def _common(root: Path, paths: tuple[str, ...]) -> str:
    """Return the folder that all images lie below, wherever links lead."""
    above = {path.rpartition("/")[0] for path in paths}
    return os.path.commonpath([(root / each).resolve() for each in above])
