"""The cache: built once, complete or absent, verified when read, bounded in size."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.cache import Cache, Usage
from benchmark.errors import DataError, StoreError

PROJECT = Path(__file__).parents[1]


def writing(text: str, name: str = "file.txt") -> Callable[[Path], None]:
    def build(folder: Path) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)

    return build


def refusing(folder: Path) -> None:
    raise AssertionError(f"{folder} was built although it was there")


def start(code: str, *words: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, words)],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        text=True,
    )


def run(code: str, *words: object) -> str:
    process = start(code, *words)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return out


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} never came"
        time.sleep(0.01)


BUILD = """
import os, sys, time
from pathlib import Path
from benchmark.cache import Cache

cache, log, go_on = Cache(Path(sys.argv[1])), Path(sys.argv[2]), Path(sys.argv[3])

def build(folder):
    (folder / "half").write_text("half")
    with log.open("a") as out:
        out.write(f"{os.getpid()}\\n")
    for _ in range(60_000):  # ten minutes at most
        if go_on.exists():
            break
        time.sleep(0.01)
    (folder / "whole").write_text("whole")

path = cache.entry("pixels", "abc", build)
print((path / "whole").read_text())
"""

USE = """
import sys, time
from pathlib import Path
from benchmark.cache import Cache

path = Cache(Path(sys.argv[1])).entry("pixels", sys.argv[2], lambda folder: None)
Path(sys.argv[3]).touch()
time.sleep(60)
"""


def test_an_entry_is_built_once(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    path = cache.entry("pixels", "abc", writing("one"))
    assert cache.entry("pixels", "abc", refusing) == path
    assert (path / "file.txt").read_text() == "one"


def test_kinds_and_keys_are_apart(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    paths = {cache.entry(kind, key, writing(kind)) for kind in "ab" for key in "cd"}
    assert len(paths) == 4


def test_an_entry_is_found_by_another_process_without_building(tmp_path: Path) -> None:
    code = """
    import sys
    from pathlib import Path
    from benchmark.cache import Cache
    path = Cache(Path(sys.argv[1])).find("pixels", "abc")
    print((path / "sub" / "file.txt").read_text())
    """
    Cache(tmp_path).entry("pixels", "abc", writing("one", "sub/file.txt"))
    assert run(code, tmp_path) == "one\n"


def test_nothing_is_found_before_it_is_built(tmp_path: Path) -> None:
    assert Cache(tmp_path).find("pixels", "abc") is None
    assert list(tmp_path.iterdir()) == []


def test_a_failed_build_leaves_nothing_and_passes_its_error_on(tmp_path: Path) -> None:
    cache = Cache(tmp_path)

    def build(folder: Path) -> None:
        (folder / "half").write_text("half")
        raise DataError("the images are wrong.")

    with pytest.raises(DataError, match="the images are wrong"):
        cache.entry("pixels", "abc", build)
    assert cache.find("pixels", "abc") is None
    assert cache.usage() == ()
    cache.entry("pixels", "abc", writing("one"))


@pytest.mark.parametrize(
    "harm",
    [
        lambda path: (path / "file.txt").write_text("an"),
        lambda path: (path / "file.txt").unlink(),
        lambda path: (path / "manifest.json").unlink(),
        lambda path: (path / "manifest.json").write_text('{"files": 3}'),
        lambda path: (path / "manifest.json").write_bytes(b"\xff{"),
        lambda path: (path / "manifest.json").write_text("[]"),
    ],
    ids=["shorter", "gone", "no manifest", "odd manifest", "no text", "a list"],
)
def test_a_harmed_entry_is_built_again_and_says_so(
    tmp_path: Path, harm: Callable[[Path], object], caplog: pytest.LogCaptureFixture
) -> None:
    cache = Cache(tmp_path)
    path = cache.entry("pixels", "abc", writing("one"))
    harm(path)
    assert (cache.entry("pixels", "abc", writing("two")) / "file.txt").read_text() == "two"
    assert "is corrupt" in caplog.text


def test_a_changed_byte_is_seen_by_the_next_process(tmp_path: Path) -> None:
    code = """
    import sys
    from pathlib import Path
    from benchmark.cache import Cache
    print(Cache(Path(sys.argv[1])).find("pixels", "abc"))
    """
    path = Cache(tmp_path).entry("pixels", "abc", writing("one"))
    (path / "file.txt").write_text("0ne")
    assert run(code, tmp_path) == "None\n"


def test_a_harmed_entry_is_not_found(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    path = cache.entry("pixels", "abc", writing("one"))
    (path / "file.txt").write_text("longer")
    assert cache.find("pixels", "abc") is None


def test_six_processes_at_once_build_once(tmp_path: Path) -> None:
    log, go_on = tmp_path / "log", tmp_path / "go on"
    processes = [start(BUILD, tmp_path / "cache", log, go_on) for _ in range(6)]
    wait_for(log)
    time.sleep(0.3)  # the others are waiting by then, or come later
    go_on.touch()
    outs = [process.communicate(timeout=60)[0] for process in processes]
    assert outs == ["whole\n"] * 6
    assert len(log.read_text().splitlines()) == 1


def test_threads_at_once_build_once(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    cache, built = Cache(tmp_path), []

    def build(folder: Path) -> None:
        time.sleep(0.05)
        built.append(folder)

    with ThreadPoolExecutor(8) as pool:
        paths = set(pool.map(lambda _: cache.entry("pixels", "abc", build), range(8)))
    assert len(paths) == len(built) == 1


def test_a_builder_killed_in_the_middle_blocks_nobody_and_leaves_no_half_entry(
    tmp_path: Path,
) -> None:
    log = tmp_path / "log"
    victim = start(BUILD, tmp_path / "cache", log, tmp_path / "never")
    wait_for(log)
    waiting = start(BUILD, tmp_path / "cache", log, log)
    time.sleep(0.2)
    assert waiting.poll() is None
    victim.send_signal(signal.SIGKILL)
    victim.communicate(timeout=60)
    assert waiting.communicate(timeout=60)[0] == "whole\n"
    folders = [path.name for path in (tmp_path / "cache/entries/pixels").iterdir()]
    assert folders == ["abc"]


def test_what_a_killed_builder_left_is_cleared(tmp_path: Path) -> None:
    log = tmp_path / "log"
    victim = start(BUILD, tmp_path / "cache", log, tmp_path / "never")
    wait_for(log)
    victim.kill()
    victim.communicate(timeout=60)
    assert Cache(tmp_path / "cache").clear() == len("half")
    assert list((tmp_path / "cache/entries/pixels").iterdir()) == []


@pytest.mark.parametrize("kind", [None, "holiday"])
def test_neither_clearing_nor_eviction_touches_what_the_cache_did_not_make(
    kind: str | None, tmp_path: Path
) -> None:
    cache = Cache(tmp_path, limit_bytes=1)
    photo = tmp_path / "entries/holiday/beach/photo.png"
    hidden = tmp_path / "entries/holiday/.beach.partial/photo.png"
    other = tmp_path / "entries/holiday/extension/manifest.json"
    loose = tmp_path / "entries/holiday/notes.txt"
    for path in (photo, hidden, other, loose):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('{"files": ["a.js"], "name": "an extension"}')
    cache.entry("pixels", "a", writing("1234"))
    cache.entry("pixels", "b", writing("1234"))
    assert [usage.kind for usage in cache.usage()] == ["pixels"]
    cache.clear(kind)
    assert all(path.is_file() for path in (photo, hidden, other, loose))


def test_an_entry_whose_manifest_is_gone_is_cleared_all_the_same(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    (cache.entry("pixels", "a", writing("1234")) / "manifest.json").unlink()
    assert cache.clear() == len("1234")
    assert list((tmp_path / "entries/pixels").iterdir()) == []


def test_clearing_leaves_what_another_process_builds(tmp_path: Path) -> None:
    log, go_on = tmp_path / "log", tmp_path / "go on"
    builder = start(BUILD, tmp_path / "cache", log, go_on)
    wait_for(log)
    assert Cache(tmp_path / "cache").clear() == 0
    go_on.touch()
    assert builder.communicate(timeout=60)[0] == "whole\n"


def test_the_entries_used_longest_ago_are_evicted_first(tmp_path: Path) -> None:
    code = """
    import os, sys
    from pathlib import Path
    from benchmark.cache import Cache
    cache = Cache(Path(sys.argv[1]))
    for age, key in enumerate(["newest", "middle", "oldest"]):
        path = cache.entry("pixels", key, lambda into: (into / "a").write_bytes(bytes(1000)))
        os.utime(path / "manifest.json", (1000 - age, 1000 - age))
    """
    run(code, tmp_path)
    cache = Cache(tmp_path, limit_bytes=3000)
    cache.entry("pixels", "built", lambda into: _fill(into, 1000))
    left = {path.name for path in (tmp_path / "entries/pixels").iterdir()}
    assert left == {"newest", "built"}


def _fill(into: Path, size: int) -> None:
    (into / "a").write_bytes(bytes(size))


def test_neither_the_entry_just_built_nor_one_in_use_here_is_evicted(tmp_path: Path) -> None:
    cache = Cache(tmp_path, limit_bytes=10)
    one = cache.entry("pixels", "one", lambda into: _fill(into, 1000))
    two = cache.entry("pixels", "two", lambda into: _fill(into, 1000))
    assert one.is_dir()
    assert two.is_dir()


def test_an_entry_in_use_by_another_process_is_not_evicted_until_that_ends(tmp_path: Path) -> None:
    user = start(USE, tmp_path / "cache", "theirs", tmp_path / "ready")
    wait_for(tmp_path / "ready")
    cache = Cache(tmp_path / "cache", limit_bytes=1)
    theirs = tmp_path / "cache/entries/pixels/theirs"
    cache.entry("pixels", "one", lambda into: _fill(into, 1000))
    assert theirs.is_dir()
    user.kill()
    user.communicate(timeout=60)
    cache.entry("pixels", "two", lambda into: _fill(into, 1000))
    assert not theirs.exists()


def test_usage_counts_entries_and_bytes_by_kind(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    for key in ("a", "b"):
        cache.entry("pixels", key, lambda into: _fill(into, 1000))
    cache.entry("features", "a", lambda into: _fill(into, 10))
    features, pixels = cache.usage()
    assert (features.kind, features.entries) == ("features", 1)
    assert isinstance(pixels, Usage)
    assert pixels.entries == 2
    assert 2000 < pixels.bytes < 3000


def test_clearing_a_kind_leaves_the_others_and_counts_the_bytes(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.entry("pixels", "a", lambda into: _fill(into, 1000))
    cache.entry("features", "a", lambda into: _fill(into, 10))
    before = cache.usage()[1].bytes
    assert cache.clear("pixels") == before
    assert [each.kind for each in cache.usage()] == ["features"]
    cache.entry("pixels", "a", lambda into: _fill(into, 1000))


def test_a_file_where_the_folder_should_be_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(StoreError, match="cannot be used"):
        Cache(tmp_path / "cache").entry("pixels", "abc", writing("one"))


def test_a_full_disc_is_a_store_error(tmp_path: Path) -> None:
    def build(folder: Path) -> None:
        raise OSError(28, "No space left on device", str(folder))

    with pytest.raises(StoreError, match="No space left on device"):
        Cache(tmp_path).entry("pixels", "abc", build)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_a_store_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="Permission denied"):
        Cache(tmp_path / "cache").entry("pixels", "abc", writing("one"))


@pytest.mark.parametrize("key", ["../up", "", ".hidden", "a/b", "a b"])
def test_a_key_that_is_no_plain_name_is_our_mistake(tmp_path: Path, key: str) -> None:
    with pytest.raises(ValueError, match="plain names"):
        Cache(tmp_path).entry("pixels", key, writing("one"))
