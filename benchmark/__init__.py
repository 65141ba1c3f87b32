"""Benchmark a zoo of networks on chest scans, tracked in MLflow, ranked honestly."""

__version__ = "0.2.0"
