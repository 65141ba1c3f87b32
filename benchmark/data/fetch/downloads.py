"""Downloads from Kaggle and from an address; what an interrupted one brought is kept."""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ...errors import DataError, StoreError, one_line
from ...records import Progress
from ..known import DataSet


def from_kaggle(wanted: DataSet, partial: Path) -> Path:
    """Download and unpack with kagglehub; an archive begun earlier is gone on with."""
    import kagglehub
    import requests
    from kagglehub import exceptions

    try:
        with _environment("KAGGLEHUB_CACHE", str(partial)):
            return _root(Path(kagglehub.dataset_download(wanted.handle)), wanted)
    except requests.exceptions.ChunkedEncodingError as error:
        raise _broken_off(wanted) from error
    except (requests.ConnectionError, requests.Timeout) as error:
        raise _no_network(wanted) from error
    except (
        requests.RequestException,
        exceptions.UnauthenticatedError,
        exceptions.CredentialError,
        exceptions.BackendError,
        exceptions.DataCorruptionError,
    ) as error:
        raise StoreError(f"Kaggle did not give {wanted.handle}: {one_line(error)}.") from error


def _root(folder: Path, wanted: DataSet) -> Path:
    """Return the outermost folder with a train and a test folder in it."""
    for path in sorted([folder, *folder.rglob("*")], key=lambda each: (len(each.parts), each)):
        if "__MACOSX" not in path.parts and (path / "train").is_dir() and (path / "test").is_dir():
            return path
    raise DataError(f"{wanted.name}: {wanted.handle} has no train and test folder any more.")


def from_url(wanted: DataSet, partial: Path, told: Progress) -> Path:
    """Download the one file of a data set with pooch, which checks its MD5."""
    import pooch
    import requests

    target = partial / "whole"
    pooch.get_logger().setLevel("WARNING")  # progress is told by the downloader
    try:
        pooch.retrieve(
            wanted.handle,
            known_hash=wanted.checksum,
            fname=wanted.handle.rpartition("/")[2],
            path=target,
            downloader=_resuming(partial / "download", told),
        )
    except requests.exceptions.ChunkedEncodingError as error:
        raise _broken_off(wanted) from error
    except (requests.ConnectionError, requests.Timeout) as error:
        raise _no_network(wanted) from error
    except requests.RequestException as error:
        raise StoreError(f"{wanted.handle} could not be had: {one_line(error)}.") from error
    except ValueError as error:  # pooch's word for another hash
        raise StoreError(
            f"{wanted.name} came damaged: its hash is not {wanted.checksum}. Fetch it again."
        ) from error
    return target


def _resuming(kept: Path, told: Progress) -> Callable[[str, str, object], None]:
    """Return a downloader for pooch that keeps what has arrived, and asks only for the rest."""

    def download(url: str, output_file: str, _pooch: object) -> None:
        import requests

        have = kept.stat().st_size if kept.is_file() else 0
        headers = {"Range": f"bytes={have}-"} if have else {}
        with requests.get(url, stream=True, timeout=(10, 60), headers=headers) as answer:
            # 416: nothing is left to ask for; 200 to a range: the server begins from the start.
            if answer.status_code != 416:
                answer.raise_for_status()
                goes_on = answer.status_code == 206
                told.stage("download", _length(answer.headers), "bytes")
                with kept.open("ab" if goes_on else "wb") as file:
                    for chunk in answer.iter_content(1 << 16):
                        file.write(chunk)
                        told.advance(len(chunk))
        shutil.move(kept, output_file)

    return download


def _length(headers: Mapping[str, str]) -> int | None:
    length = headers.get("Content-Length")
    return int(length) if length else None


def _no_network(wanted: DataSet) -> StoreError:
    host = "kaggle.com" if wanted.via == "kagglehub" else wanted.handle.split("/")[2]
    return StoreError(
        f"cannot reach {host} to fetch {wanted.name}: is there a network? Otherwise fetch it "
        f"elsewhere from {wanted.source} and give its folder with --data FOLDER."
    )


def _broken_off(wanted: DataSet) -> StoreError:
    return StoreError(
        f"the download of {wanted.name} broke off; what came is kept: fetch it again to go on."
    )


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    """Set an environment variable for a while; kagglehub takes its folder from nowhere else."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
