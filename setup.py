"""What pyproject.toml cannot say: two folders lie beside the package and are installed in it."""

from setuptools import find_packages, setup

setup(
    packages=[
        *find_packages(include=["benchmark*"]),
        "benchmark.search_spaces",
        "benchmark.published",
    ],
    package_dir={"benchmark.search_spaces": "search_spaces", "benchmark.published": "results"},
)
