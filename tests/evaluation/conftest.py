"""What the tests of this room share."""

import pytest

from tests.evaluation.made import Make, predictions


@pytest.fixture(scope="session")
def make() -> Make:
    """Return the function that makes predictions."""
    return predictions
