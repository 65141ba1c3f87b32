"""From a request to what will be run: pure apart from reading images.

Knows neither the store nor the workers.
"""

from .costs import estimate_seconds
from .further import composite_spec, estimate_further, too_long
from .prepare import (
    Prepared,
    divide,
    left_out_notes,
    prepare,
    read,
    read_images,
    reading_of,
    split_options,
)
from .spaces import check_space
from .specs import Draft, Job, Plan, check_request

__all__ = [
    "Draft",
    "Job",
    "Plan",
    "Prepared",
    "check_request",
    "check_space",
    "composite_spec",
    "divide",
    "estimate_further",
    "estimate_seconds",
    "left_out_notes",
    "prepare",
    "read",
    "read_images",
    "reading_of",
    "split_options",
    "too_long",
]
