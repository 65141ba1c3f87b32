"""Getting logged files back: in place where they are on this machine, else a copy."""

import tempfile
from pathlib import Path
from urllib.parse import urlparse

from ..errors import StoreError
from .store import Store


class Files:
    """Reads artifacts of a store; copies from a server live as long as this object."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._scratch: tempfile.TemporaryDirectory[str] | None = None

    def fetch(self, uri: str) -> Path:
        """Return a local path to an artifact, not copied where it stands on this machine.

        Raises:
            StoreError: the artifact is not there.
        """
        import mlflow
        from mlflow.exceptions import MlflowException

        local = urlparse(uri).scheme in ("", "file")
        try:
            path = mlflow.artifacts.download_artifacts(
                artifact_uri=uri,
                dst_path=None if local else self._new_folder(),
                tracking_uri=self._store.uri,
            )
        except (MlflowException, OSError) as error:
            raise StoreError(f"the artifact {uri} cannot be read: {error}") from error
        return Path(path)

    def _new_folder(self) -> str:
        if self._scratch is None:
            self._scratch = tempfile.TemporaryDirectory(prefix="benchmark-artifacts-")
        return tempfile.mkdtemp(dir=self._scratch.name)
