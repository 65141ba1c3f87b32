"""What pyproject.toml cannot say: search_spaces/ lies beside the package and is installed in it."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["benchmark*"]), "benchmark.search_spaces"],
    package_dir={"benchmark.search_spaces": "search_spaces"},
)
