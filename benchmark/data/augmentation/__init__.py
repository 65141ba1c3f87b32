"""Augmentation: changed views of training images; never of any other."""

from .policy import OPERATIONS, POLICIES, Policy, read_policy
from .views import augment

__all__ = ["OPERATIONS", "POLICIES", "Policy", "augment", "read_policy"]
