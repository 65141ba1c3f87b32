"""Many image files of a few: each repeat with a grain of its own, so that no two are equal."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from benchmark.seeds import generator

FILM = (1320, 968)  # a typical film of Kermany et al.: about 1.3 million pixels
# chosen, not sourced: gives films of the published set's mean size, 200 KB, at quality 85.
FILM_GRAIN = 5.0
_SHEET = 2048


def write_copies(
    source: Path, into: Path, count: int, size: tuple[int, int] = FILM, grain: float = FILM_GRAIN
) -> float:
    """Write distinct grey JPEGs, repeating the images of a folder, a class folder each.

    Args:
        source: image files whose folder's name is their class, at any depth.
        into: where class folders are made.
        count: how many are written.
        size: width and height in pixels.
        grain: deviation of the noise that tells repeats apart, in grey levels.

    Returns:
        The mean size of a file in bytes.

    Raises:
        ValueError: the folder holds no images.
    """
    files = sorted(each for each in source.rglob("*.jp*g") if each.is_file())
    if not files:
        raise ValueError(f"{source} must hold JPEG images in class folders, but holds none.")
    # Classes mixed, so that the first so many hold all of them.
    files = [files[place] for place in generator(0, "order").permutation(len(files))]
    for name in {each.parent.name for each in files}:
        (into / name).mkdir(parents=True, exist_ok=True)
    # One sheet of noise, laid under each image at another place: drawing afresh would take longer
    # than writing the file.
    sheet = generator(0, "grain").normal(0, grain, (_SHEET, _SHEET)).astype(np.float32)

    def write(number: int) -> int:
        file = files[number % len(files)]
        path = into / file.parent.name / f"image{number:06d}.jpeg"
        _write_copy(file, path, size, sheet, number)
        return path.stat().st_size

    with ThreadPoolExecutor(2) as pool:
        return float(np.mean(list(pool.map(write, range(count)))))


def _write_copy(
    file: Path, path: Path, size: tuple[int, int], sheet: np.ndarray, number: int
) -> None:
    down, right = generator(0, "place", number).integers(0, _SHEET - np.array(size[::-1]) + 1)
    with Image.open(file) as image:
        film = np.asarray(image.convert("L").resize(size, Image.Resampling.BICUBIC), np.float32)
    grainy = film + sheet[down : down + size[1], right : right + size[0]]
    Image.fromarray(np.clip(grainy, 0, 255).astype(np.uint8)).save(path, quality=85)
