"""Whether what training needs is installed: asked without importing it, before any work."""

from importlib.util import find_spec

from ..errors import UsageError

_NEEDED = ("tensorflow", "keras", "sklearn", "mlflow")


def check_packages(needed: tuple[str, ...] = _NEEDED) -> None:
    """See that the packages a benchmark needs are installed.

    Raises:
        UsageError: some are missing.
    """
    missing = [name for name in needed if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"{', '.join(missing)} must be installed and cannot be found; install what the "
            "project needs: python -m pip install -r requirements.txt"
        )
