"""Where artifacts lie: those of a store in a file beside it, wherever the folder was moved to.

MLflow notes absolute addresses. A project folder that is moved, copied, renamed or seen under
another mount takes its database along, and its artifacts, but every address names the old place.
So an address in a file is looked up by its part below `mlruns` beside the database first.
"""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

ARTIFACTS = "mlruns"
SQLITE = "sqlite:///"
_HERE = ("localhost", "127.0.0.1", "::1")
_OURS = re.compile(r"[0-9a-f]{12}")  # an experiment's folder, named by chance by this project


def folder_of(uri: str) -> Path | None:
    """Return the folder that a store in a file stands in, None for a server."""
    return Path(uri.removeprefix(SQLITE)).absolute().parent if uri.startswith(SQLITE) else None


def is_elsewhere(uri: str) -> bool:
    """Whether what is logged to an address leaves this machine, as far as the address tells."""
    parsed = urlparse(uri)
    own = ("", "file", "sqlite", "mlflow-artifacts")  # the last is wherever the store itself is
    if parsed.scheme in own and not (parsed.scheme == "mlflow-artifacts" and parsed.hostname):
        return False
    return parsed.hostname not in _HERE


def local_path(uri: str) -> Path | None:
    """Return the path that an artifact's address names on this machine, None where it does not."""
    from mlflow.utils.file_utils import local_file_uri_to_path

    is_file = urlparse(uri).scheme in ("", "file")
    return Path(local_file_uri_to_path(uri)) if is_file else None


def relocated(path: Path, folder: Path) -> Path:
    """Return where an artifact lies, or belongs where it is new, for a store in a folder.

    The part of its path below `mlruns` is looked for beside the database, then where the address
    says; what of it is there decides, the longest first. Where neither has any of it, it belongs
    beside the database, unless the old `mlruns` is still there.
    """
    parts = path.parts
    if ARTIFACTS not in parts:
        return path
    at = len(parts) - parts[::-1].index(ARTIFACTS)
    old, own, tail = Path(*parts[:at]), folder / ARTIFACTS, parts[at:]
    if old == own or not tail:
        return path
    here = own.joinpath(*tail)
    for depth in range(len(tail), 0, -1):
        # Folders of MLflow's own are called 0, 1, …: those of two stores may bear one name.
        ours_first = depth > 1 or _OURS.fullmatch(tail[0]) is not None
        for base, found in ((own, here), (old, path))[:: 1 if ours_first else -1]:
            if base.joinpath(*tail[:depth]).exists():
                return found
    return path if old.is_dir() else here


def look_beside_the_store() -> None:
    """Have MLflow, in this process, look for artifacts in files as `relocated` does."""
    from mlflow.store.artifact import artifact_repository_registry as repositories

    known = repositories._artifact_repository_registry  # noqa: SLF001  else an installed plug-in
    for scheme in ("", "file"):
        known.register(scheme, _repository)


def _repository(
    artifact_uri: str, tracking_uri: str | None = None, registry_uri: str | None = None
) -> Any:
    import mlflow
    from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

    folder = folder_of(tracking_uri or mlflow.get_tracking_uri())
    path = local_path(artifact_uri)
    if folder is not None and path is not None and (found := relocated(path, folder)) != path:
        artifact_uri = found.as_uri()
    return LocalArtifactRepository(artifact_uri, tracking_uri, registry_uri)
