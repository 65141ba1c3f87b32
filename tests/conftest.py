"""What every room's tests share: hypothesis' settings, and the folders of real images."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "project",
    deadline=None,  # two busy cores make any deadline a coin toss
    max_examples=50,
    # The same examples each time: what a change breaks is then of that change. New ones by hand:
    # RANDOM_EXAMPLES=1 python -m pytest
    derandomize="RANDOM_EXAMPLES" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("project")


def _real(variable: str) -> Callable[[], Path]:
    def folder() -> Path:
        named = os.environ.get(variable, "")
        if not named:
            pytest.skip(f"{variable} names no folder")
        return Path(named)

    folder.__name__ = variable.removeprefix("BENCHMARK_TEST_").lower()
    return folder


chest_ct = pytest.fixture(scope="session")(_real("BENCHMARK_TEST_CHEST_CT"))
chest_xray = pytest.fixture(scope="session")(_real("BENCHMARK_TEST_CHEST_XRAY"))
real_weights = pytest.fixture(scope="session")(_real("BENCHMARK_TEST_WEIGHTS"))
