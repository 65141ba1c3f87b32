"""Fetching against a server on the loopback, with the layouts that the real servers give."""

import hashlib
import importlib
import io
import json
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from benchmark.catalog import Catalog
from benchmark.data.fetch import fetch
from benchmark.data.known import DATA_SETS, DataSet
from benchmark.errors import DataError, StoreError, UsageError
from benchmark.records import Part

CT_LAYOUT = (
    "Data/train/adenocarcinoma_left.lower.lobe_T2_N0_M0_Ib/000005 (3).png",
    "Data/train/normal/n8 (2).jpg",
    "Data/valid/normal/7.png",
    "Data/test/adenocarcinoma/000108.png",
    "Data/test/normal/11 (2) - Copy.png",
)
CT_COUNTS = {Part.TRAIN: (1, 1), Part.VAL: (0, 1), Part.TEST: (1, 1)}
CT_FOUND = {
    "train/adenocarcinoma": 1,
    "train/normal": 1,
    "val/normal": 1,
    "test/adenocarcinoma": 1,
    "test/normal": 1,
}
XRAY_LAYOUT = (
    "chest_xray/__MACOSX/chest_xray/test/._NORMAL",
    "chest_xray/chest_xray/test/NORMAL/IM-0001-0001.jpeg",
    "chest_xray/chest_xray/train/NORMAL/IM-0115-0001.jpeg",
    "chest_xray/test/NORMAL/IM-0001-0001.jpeg",
    "chest_xray/train/.DS_Store",
    "chest_xray/train/NORMAL/.DS_Store",
    "chest_xray/train/NORMAL/IM-0115-0001.jpeg",
    "chest_xray/train/PNEUMONIA/person1000_bacteria_2931.jpeg",
    "chest_xray/val/NORMAL/NORMAL2-IM-1427-0001.jpeg",
)
XRAY_COUNTS = {Part.TRAIN: (1, 1), Part.VAL: (1, 0), Part.TEST: (1, 0)}
XRAY_FOUND = {"train/normal": 1, "train/pneumonia": 1, "val/normal": 1, "test/normal": 1}
SMALL_CT = replace(DATA_SETS["chest-ct"], classes=("adenocarcinoma", "normal"), counts=CT_COUNTS)


class Shelf:
    """What the server gives, and what it was asked for."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.breaks_after: int | None = None
        self.ranges: list[str] = []
        self.port = 0

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port}/{name}"


def handler_of(shelf: Shelf) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            if self.path.endswith("DownloadDataset"):
                self.send_response(302)
                self.send_header("Location", shelf.url("archive.zip"))
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            body = json.dumps({"currentVersionNumber": 1}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            content = shelf.files.get(self.path.lstrip("/"))
            if content is None:
                self.send_error(404)
                return
            asked = self.headers.get("Range", "")
            start = int(asked.removeprefix("bytes=").rstrip("-") or 0)
            shelf.ranges.append(asked)
            self.send_response(206 if asked else 200)
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            self.wfile.write(content[start : shelf.breaks_after])

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            """Keep quiet."""

    return Handler


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep the tester's own credentials out of what is sent, even to the loopback."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path / "home"))
    for name in ("KAGGLE_API_TOKEN", "KAGGLE_USERNAME", "KAGGLE_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    shelf = Shelf()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(shelf))
    shelf.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    point_kaggle_at(monkeypatch, f"http://127.0.0.1:{shelf.port}")
    yield shelf
    server.shutdown()
    thread.join()
    server.server_close()


def point_kaggle_at(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    kaggle_env = importlib.import_module("kagglesdk.kaggle_env")
    monkeypatch.setenv("KAGGLE_API_ENVIRONMENT", "LOCALHOST")
    monkeypatch.setenv("KAGGLEHUB_VERBOSITY", "error")
    monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.LOCAL, address)


def publish(monkeypatch: pytest.MonkeyPatch, data_set: DataSet) -> None:
    room = importlib.import_module("benchmark.data.fetch")  # the package has a function of the name
    monkeypatch.setattr(room, "DATA_SETS", Catalog("data set", [(data_set.name, data_set)]))


def archive(layout: tuple[str, ...]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for path in layout:
            packed.writestr(path, f"the picture {path}" * 10_000)
    return buffer.getvalue()


@pytest.fixture
def chest_ct(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    publish(monkeypatch, SMALL_CT)
    shelf.files["archive.zip"] = archive(CT_LAYOUT)
    return shelf


@pytest.fixture
def pneumonia(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    buffer = io.BytesIO()
    labels = {f"{part}_labels": np.array([[0], [1]]) for part in ("train", "val", "test")}
    images = np.zeros((2, 224, 224), dtype=np.uint8)
    np.savez(buffer, allow_pickle=False, train_images=images, **labels)
    shelf.files["pneumoniamnist_224.npz"] = buffer.getvalue()
    counts = dict.fromkeys(Part, (1, 1))
    md5 = f"md5:{hashlib.md5(buffer.getvalue()).hexdigest()}"
    url = shelf.url("pneumoniamnist_224.npz")
    publish(
        monkeypatch, replace(DATA_SETS["pneumoniamnist"], handle=url, checksum=md5, counts=counts)
    )
    return shelf


@pytest.mark.usefixtures("chest_ct")
def test_a_kaggle_set_arrives_with_its_parts_under_its_name(tmp_path: Path) -> None:
    found = fetch("chest-ct", tmp_path)
    assert {path.name for path in found.folder.iterdir()} == {"train", "valid", "test"}
    assert found.folder == tmp_path / "chest-ct"
    assert found.is_new
    assert found.counts == CT_FOUND
    assert "unsettled" in found.licence


def test_a_set_that_is_mounted_read_only_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import kagglehub

    publish(monkeypatch, SMALL_CT)
    mount = tmp_path / "mount"
    with zipfile.ZipFile(io.BytesIO(archive(CT_LAYOUT))) as packed:
        packed.extractall(mount)
    monkeypatch.setattr(kagglehub, "dataset_download", lambda _: str(mount))
    assert fetch("chest-ct", tmp_path / "into").counts == CT_FOUND
    assert (mount / "Data" / "test" / "normal" / "11 (2) - Copy.png").is_file()


@pytest.mark.usefixtures("chest_ct")
def test_files_other_than_the_known_copy_are_said_to_differ(tmp_path: Path) -> None:
    assert "differ" in fetch("chest-ct", tmp_path).notes[0]


def test_the_xray_set_comes_without_its_second_copy_and_foreign_files(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(monkeypatch, replace(DATA_SETS["chest-xray"], counts=XRAY_COUNTS))
    shelf.files["archive.zip"] = archive(XRAY_LAYOUT)
    found = fetch("chest-xray", tmp_path)
    assert {path.name for path in found.folder.iterdir()} == {"train", "val", "test"}
    assert found.counts == XRAY_FOUND


def test_a_complete_set_is_verified_and_not_fetched_again(chest_ct: Shelf, tmp_path: Path) -> None:
    fetch("chest-ct", tmp_path)
    chest_ct.files.clear()
    assert not fetch("chest-ct", tmp_path).is_new


@pytest.mark.usefixtures("chest_ct")
def test_a_damaged_set_is_fetched_again(tmp_path: Path) -> None:
    damaged = fetch("chest-ct", tmp_path).folder / "test" / "adenocarcinoma" / "000108.png"
    damaged.write_bytes(b"damaged")
    assert fetch("chest-ct", tmp_path).is_new
    assert damaged.read_bytes() != b"damaged"


def test_files_that_were_never_fetched_are_no_damage(chest_ct: Shelf, tmp_path: Path) -> None:
    folder = fetch("chest-ct", tmp_path).folder
    strays = [folder / "train" / "normal" / "Thumbs.db", folder / ".DS_Store"]
    for stray in strays:
        stray.write_bytes(b"a file browser's own")
    chest_ct.files.clear()
    assert not fetch("chest-ct", tmp_path).is_new
    assert all(stray.exists() for stray in strays)


def test_a_damaged_set_stays_until_another_has_come(chest_ct: Shelf, tmp_path: Path) -> None:
    folder = fetch("chest-ct", tmp_path).folder
    (folder / "test" / "adenocarcinoma" / "000108.png").unlink()
    before = sorted(folder.rglob("*"))
    chest_ct.files.clear()
    with pytest.raises(
        StoreError, match=r"1 file\(s\) of .*000108.png\); nothing was removed, .*Kaggle"
    ):
        fetch("chest-ct", tmp_path)
    assert sorted(folder.rglob("*")) == before


def test_a_damaged_receipt_removes_no_images(chest_ct: Shelf, tmp_path: Path) -> None:
    folder = fetch("chest-ct", tmp_path).folder
    (tmp_path / "chest-ct.json").write_text('{"files": 3}')
    before = sorted(folder.rglob("*"))
    chest_ct.files.clear()
    with pytest.raises(StoreError, match=r"the first: chest-ct.json"):
        fetch("chest-ct", tmp_path)
    assert sorted(folder.rglob("*")) == before


def test_a_folder_that_was_not_fetched_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "chest-ct" / "train").mkdir(parents=True)
    with pytest.raises(StoreError, match="chest-ct was not fetched by this program"):
        fetch("chest-ct", tmp_path)
    assert (tmp_path / "chest-ct" / "train").is_dir()


def test_a_broken_download_goes_on_where_it_stopped(chest_ct: Shelf, tmp_path: Path) -> None:
    chest_ct.breaks_after = 1_500_000
    with pytest.raises(StoreError, match="broke off"):
        fetch("chest-ct", tmp_path)
    assert not (tmp_path / "chest-ct").exists()
    chest_ct.breaks_after = None
    assert fetch("chest-ct", tmp_path).is_new
    assert chest_ct.ranges[-1] == "bytes=1048576-"


def test_a_set_with_other_counts_is_refused(
    chest_ct: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(monkeypatch, replace(SMALL_CT, counts={**CT_COUNTS, Part.TEST: (1, 54)}))
    assert chest_ct.files
    with pytest.raises(DataError, match="test/normal has 1, not 54"):
        fetch("chest-ct", tmp_path)
    assert not (tmp_path / "chest-ct").exists()


@pytest.mark.usefixtures("shelf")
def test_a_set_that_kaggle_no_longer_has_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(monkeypatch, DATA_SETS["chest-ct"])
    with pytest.raises(StoreError, match="Kaggle did not give mohamedhanyyy/chest-ctscan-images"):
        fetch("chest-ct", tmp_path)


def test_no_network_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    point_kaggle_at(monkeypatch, "http://127.0.0.1:9")
    with pytest.raises(StoreError, match=r"cannot reach kaggle\.com .*--data FOLDER") as caught:
        fetch("chest-xray", tmp_path)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.usefixtures("pneumonia")
def test_medmnist_arrives_as_its_one_file(tmp_path: Path) -> None:
    found = fetch("pneumoniamnist", tmp_path)
    assert [path.name for path in found.folder.iterdir()] == ["pneumoniamnist_224.npz"]
    assert found.counts["test/pneumonia"] == 1


def test_medmnist_that_broke_off_is_fetched_afresh(pneumonia: Shelf, tmp_path: Path) -> None:
    pneumonia.breaks_after = 100_000
    with pytest.raises(StoreError, match="broke off"):
        fetch("pneumoniamnist", tmp_path)
    pneumonia.breaks_after = None
    assert fetch("pneumoniamnist", tmp_path).is_new


def test_medmnist_with_another_hash_is_refused(
    pneumonia: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = pneumonia.url("pneumoniamnist_224.npz")
    publish(monkeypatch, replace(DATA_SETS["pneumoniamnist"], handle=url))
    with pytest.raises(StoreError, match="its hash is not md5:d6a3c71de1b945ea11211b03746c1fe1"):
        fetch("pneumoniamnist", tmp_path)


def test_the_phantom_needs_no_fetching(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="phantom needs no fetching: it is drawn"):
        fetch("phantom", tmp_path)


def test_an_unknown_name_is_corrected(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Did you mean chest-ct"):
        fetch("chest-cd", tmp_path)


@pytest.mark.parametrize(
    ("name", "total"), [("chest-ct", 1000), ("chest-xray", 5856), ("pneumoniamnist", 5856)]
)
def test_published_counts_add_up(name: str, total: int) -> None:
    assert sum(map(sum, DATA_SETS[name].counts.values())) == total
