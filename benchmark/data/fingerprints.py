"""What a file is, without decoding it: its hash, its format and its patient, remembered by stat.

A second benchmark reads no file again: a file whose size, times and inode are those of the last
time is what it was then. A file changed in the last two seconds is not remembered, since its next
change could leave the same time.
"""

import hashlib
import hmac
import json
import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ..errors import DataError, ImageError, StoreError
from ..files import lock, read_plain, whole_file
from .decoding import MAX_BYTES, grey_in_use
from .dicom import Tags, read_tags
from .dicom_files import is_dicom
from .placeholders import is_placeholder

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"BM", "BMP"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"P5", "PPM"),
    (b"P6", "PPM"),
)
_DEEP = {"PNG", "TIFF", "PPM"}  # formats whose 16-bit grey may use a part of its range
_SETTLED_NS = 2_000_000_000
_VERSION = 2  # raised by hand whenever the same file would be told otherwise


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """What is known of a file that was not decoded.

    Attributes:
        sha256: digest of its bytes.
        format: `PNG`, `DICOM`, ..., empty for what is no picture.
        patient: keyed hash of the patient's identifier in a DICOM file, of the study's where the
            patient is not stated, else empty.
        modality: a DICOM file's modality, else empty.
        grey: the range that a 16-bit grey picture uses, `LOW-HIGH`, else empty.
        lacks: what a DICOM file does not say, in words: `patient` where a placeholder stands for
            it, `window` where a CT has none.
        fault: why it cannot be used, empty where it may be.
    """

    sha256: str
    format: str
    patient: str = ""
    modality: str = ""
    grey: str = ""
    lacks: str = ""
    fault: str = ""


def sniff(data: bytes) -> str:
    """Name the format of a picture from its first bytes, or give an empty text."""
    if is_dicom(data):
        return "DICOM"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    return next((name for magic, name in _MAGIC if data.startswith(magic)), "")


def read_file(path: Path) -> bytes:
    """Read a file that must be a plain one and no larger than a picture may be.

    Raises:
        ImageError: it is a device, a pipe or a folder, it is too large, or it cannot be read.
    """
    try:
        return read_plain(path, MAX_BYTES)
    except OSError as error:
        raise ImageError(f"it cannot be read: {error.strerror or error}.") from error


class Fingerprints:
    """The fingerprints of the files in `root`, kept in the cache's folder between benchmarks."""

    def __init__(self, root: Path, kept_under: Path) -> None:
        name = hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:32]
        self._file = kept_under / "fingerprints" / f"{name}.json"
        self._kept_under = kept_under
        self._salt = b""
        self._known = self._load()
        self._seen: dict[str, list[object]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._seen != self._known:
            self._save()

    def of(self, path: Path, name: str) -> Fingerprint:
        """Return a file's fingerprint; `name` is its relative path."""
        found = path.stat()
        key = [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]
        known = self._known.get(name)
        if known is not None and known[:4] == key:
            self._seen[name] = known
            return Fingerprint(**dict(zip(Fingerprint.__slots__, map(str, known[4:]), strict=True)))
        fresh = self._take(path)
        if time.time_ns() - max(found.st_mtime_ns, found.st_ctime_ns) > _SETTLED_NS:
            values = [getattr(fresh, field) for field in Fingerprint.__slots__]
            self._seen[name] = [*key, *values]
        return fresh

    def _take(self, path: Path) -> Fingerprint:
        try:
            data = read_file(path)
        except ImageError as error:
            return Fingerprint(sha256="", format="", fault=str(error))
        sha256, form = hashlib.sha256(data).hexdigest(), sniff(data)
        try:
            if form == "DICOM":
                return self._of_dicom(read_tags(data), sha256)
            grey = grey_in_use(data) if form in _DEEP else ""
        except ImageError as error:
            return Fingerprint(sha256=sha256, format=form, fault=str(error))
        return Fingerprint(sha256=sha256, format=form, grey=grey, fault=_fault(data, form))

    def _of_dicom(self, tags: Tags, sha256: str) -> Fingerprint:
        is_removed = bool(tags.patient) and is_placeholder(tags.patient)
        lacks = {"patient": is_removed, "window": tags.has_hu and not tags.has_window}
        return Fingerprint(
            sha256=sha256,
            format="DICOM",
            patient=self._hashed(tags.study if is_removed else tags.patient or tags.study),
            modality=tags.modality,
            lacks=" ".join(name for name, is_lacking in lacks.items() if is_lacking),
        )

    def _hashed(self, patient: str) -> str:
        """Hash an identifier with this cache's secret salt, so that it is never stored."""
        if not patient:
            return ""
        self._salt = self._salt or _salt(self._kept_under)
        return hmac.new(self._salt, patient.encode(errors="replace"), "sha256").hexdigest()

    def _load(self) -> dict[str, list[object]]:
        try:
            kept = json.loads(self._file.read_text(encoding="utf-8"))
            if kept["version"] != _VERSION:
                return {}
            width = 4 + len(Fingerprint.__slots__)
            return {name: row for name, row in kept["files"].items() if len(row) == width}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}  # a memory of what can be read again: absent or damaged is the same

    def _save(self) -> None:
        text = json.dumps({"version": _VERSION, "files": self._seen})
        _write(self._file, text.encode())


def _fault(data: bytes, form: str) -> str:
    if not data:
        return "the file is empty."
    return "" if form else "it is no picture in a format that can be read."


def _salt(folder: Path) -> bytes:
    """Return the cache's secret salt, drawn once."""
    file = folder / "salt"
    if not file.exists():
        try:
            with lock(folder / "locks" / "salt"):
                if not file.exists():
                    _write(file, secrets.token_bytes(32))
        except OSError as error:
            raise StoreError(f"{file} cannot be written: {error.strerror or error}.") from error
    return file.read_bytes()


def _write(file: Path, data: bytes) -> None:
    """Write a file that only its owner may read."""
    with whole_file(file) as part:
        part.touch(0o600)
        part.write_bytes(data)


def check_text(path: str) -> None:
    """Raise a `DataError` for a path of bytes that are no UTF-8: no table could store it."""
    try:
        path.encode()
    except UnicodeEncodeError as error:
        raise DataError("its name is not valid UTF-8.") from error
