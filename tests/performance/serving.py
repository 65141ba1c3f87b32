"""What a registered model costs where it is used: loaded in a program, and behind a server.

`python -m tests.performance.serving --help`. Each version is asked in a fresh process through
`mlflow.pyfunc` and through `mlflow models serve`: the start, an image by itself, and many at once.
Every answer is held to the first version's: a fast wrong one is none.
"""

import argparse
import base64
import io
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmark.tracking import Located

from .markdown import draw_table
from .setting import save, timed

Rows = npt.NDArray[np.float64]
Ask = Callable[[str], Rows | None]

SIDE_PX = 256
CLOSE = 1e-4  # as near as a registered model must be to what was recorded of it
START_SECONDS = 300.0
_ALONE = 50  # images asked about by themselves

# A program of its own: what is measured is what anyone else's would cost.
_PROGRAM = """
import json, sys, time
began = time.perf_counter()
import mlflow.pyfunc, pandas
model = mlflow.pyfunc.load_model(sys.argv[1])
images, alone, rows = json.load(sys.stdin), [], []
def ask(some):
    return model.predict(pandas.DataFrame({"image": some})).drop(columns="label").to_numpy(float)
ask(images[:1])
start = time.perf_counter() - began
for image in images[:int(sys.argv[2])]:
    at = time.perf_counter()
    ask([image])
    alone.append(time.perf_counter() - at)
ask(images[:32])
at = time.perf_counter()
for place in range(0, len(images), 32):
    rows += ask(images[place:place + 32]).tolist()
many = time.perf_counter() - at
print("\\n" + json.dumps({"start": start, "alone": alone, "many": many, "rows": rows}))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What a way to use a model costs.

    Attributes:
        model: its address.
        way: how it is used.
        start_seconds: from nothing to the first answer.
        median_ms: of an image by itself; `slow_ms` is exceeded by one in twenty.
        images_per_second: of many at once.
        lost: images of these without a right answer.
    """

    model: str
    way: str
    start_seconds: float
    median_ms: float
    slow_ms: float
    images_per_second: float
    lost: int


def main(words: Sequence[str] | None = None) -> int:
    """Measure, and print the table; return 1 where an answer was lost or wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", nargs="+", default=["models:/phantom@champion"])
    parser.add_argument("--requests", type=int, default=200, help="calls of one image each")
    parser.add_argument("--at-once", type=int, default=8, help="calls under way together")
    parser.add_argument("--json", help="a file for the figures")
    asked = parser.parse_args(words)
    images = [draw(seed) for seed in range(asked.requests)]
    found: list[Served] = []
    expected: Rows | None = None
    for uri in asked.model:
        folder = Located(uri).folder
        of_program, rows = measure_program(uri, folder, images, expected)
        expected = rows if expected is None else expected
        found.append(of_program)
        found.append(measure_server(uri, folder, images, expected, asked.at_once))
    print(table(found))
    if asked.json:
        save(asked.json, {"served": [asdict(each) for each in found]})
    return 1 if any(each.lost for each in found) else 0


def draw(seed: int) -> str:
    """Return a picture of a bright disc in noise, as the base64 text of a PNG."""
    random = np.random.default_rng(seed)
    across = np.linspace(-1, 1, SIDE_PX)
    disc = np.hypot(across - random.uniform(-0.5, 0.5), across[:, None]) < random.uniform(0.2, 0.8)
    pixels = random.integers(0, 120, (SIDE_PX, SIDE_PX)) + 100 * disc
    file = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(file, format="PNG")
    return base64.b64encode(file.getvalue()).decode("ascii")


def measure_program(
    uri: str, folder: Path, images: Sequence[str], expected: Rows | None
) -> tuple[Served, Rows]:
    """Measure a program that loads a model and classifies; return what it answered, too."""
    with tempfile.TemporaryDirectory() as elsewhere:
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM, str(folder), str(_ALONE)],
            input=json.dumps(images),
            cwd=elsewhere,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    told = json.loads(done.stdout.splitlines()[-1])
    rows: Rows = np.array(told["rows"])
    served = Served(
        model=uri,
        way="pyfunc, 32 images a call",
        start_seconds=told["start"],
        **alone(told["alone"]),
        images_per_second=len(images) / told["many"],
        lost=0 if expected is None else wrong(list(rows), expected),
    )
    return served, rows


def measure_server(
    uri: str, folder: Path, images: Sequence[str], expected: Rows, at_once: int
) -> Served:
    """Measure `mlflow models serve`: images by themselves, then many calls at once."""
    with serving(folder) as (ask, start_seconds):
        single = [timed(partial(ask, image))[0] for image in images[:_ALONE]]
        with ThreadPoolExecutor(at_once) as pool:
            took, rows = timed(lambda: list(pool.map(ask, images)))
    return Served(
        model=uri,
        way=f"REST, {at_once} calls at once",
        start_seconds=start_seconds,
        **alone(single),
        images_per_second=len(images) / took,
        lost=wrong(rows, expected),
    )


def alone(seconds: Sequence[float]) -> dict[str, float]:
    """Return the median, and what one in twenty exceeds, in milliseconds."""
    return {
        "median_ms": 1000 * statistics.median(seconds),
        "slow_ms": 1000 * float(np.quantile(seconds, 0.95)),
    }


def wrong(rows: Sequence[Rows | None], expected: Rows) -> int:
    """Count the images without an answer, or with another than expected."""
    pairs = zip(rows, expected, strict=True)
    return sum(row is None or not np.abs(row - other).max() <= CLOSE for row, other in pairs)


@contextmanager
def serving(folder: Path) -> Iterator[tuple[Ask, float]]:
    """Serve a model on a free port; yield what asks it, and the seconds to its first answer."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["mlflow", "models", "serve", "-m", str(folder), "-p", str(port)]
    words = [sys.executable, "-m", *words, "--env-manager", "local"]
    began = time.perf_counter()
    with tempfile.TemporaryFile() as log:
        # A session of its own, so that the server's workers end with it.
        process = subprocess.Popen(words, stdout=log, stderr=log, start_new_session=True)
        try:
            _wait(process, f"http://127.0.0.1:{port}/ping")
            ask = _asking(f"http://127.0.0.1:{port}/invocations")
            if ask(draw(0)) is None:
                raise SystemExit("the server does not answer.")
            yield ask, time.perf_counter() - began
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()


def _wait(process: subprocess.Popen[bytes], address: str) -> None:
    deadline = time.perf_counter() + START_SECONDS
    while time.perf_counter() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.05)
    raise SystemExit("the server did not start.")


def _asking(address: str) -> Ask:
    def ask(image: str) -> Rows | None:
        body = json.dumps({"inputs": [image]}).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(address, body, headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                (row,) = json.load(answer)["predictions"]
        except (OSError, ValueError, KeyError):
            return None
        return np.array([value for name, value in row.items() if name != "label"], dtype=float)

    return ask


def table(served: Sequence[Served]) -> str:
    """Draw what was measured as a Markdown table."""
    names = ["model", "way", "start, s", "an image alone, ms", "95 % below, ms"]
    names += ["images/s, many", "lost"]
    return draw_table(
        names,
        [
            [
                each.model,
                each.way,
                f"{each.start_seconds:.1f}",
                f"{each.median_ms:.0f}",
                f"{each.slow_ms:.0f}",
                f"{each.images_per_second:.0f}",
                f"{each.lost}",
            ]
            for each in served
        ],
    )


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    raise SystemExit(main())
