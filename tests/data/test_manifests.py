"""Tables as people have them: columns, parts and patients by other names, files of other kinds."""

import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from benchmark.cache import Cache
from benchmark.data import ReadOptions, read_cells, read_index
from benchmark.errors import BenchmarkError, DataError, UsageError
from benchmark.records import Index, Part
from tests.data.pictures import dicom, encode, noise
from tests.performance import chestxray14

LISTED = "path,label\n1.png,a\n2.png,b\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder with four images, 1.png to 4.png."""
    folder = tmp_path / "scans"
    put(folder, *(f"{number}.png" for number in range(1, 5)))
    return folder


def put(folder: Path, *names: str) -> None:
    """Write a picture of its own under each name."""
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(encode(noise(name, 4, 5)))


def read(folder: Path, table: str | bytes, name: str = "m.csv", **options: object) -> Index:
    """Write a table beside its images and read it."""
    data = table if isinstance(table, bytes) else table.encode()
    (folder / name).write_bytes(data)
    asked = ReadOptions(needs_parts=False, **options)  # type: ignore[arg-type]
    return read_index(str(folder / name), asked, Cache(folder.parent / "cache"))


def counts(index: Index) -> Mapping[str, int]:
    return Counter(index.classes[label] for label in index.labels)


def rows(*cells: str) -> str:
    """Return rows for the four images, with further cells."""
    return "".join(f"{number}.png,{cell}\n" for number, cell in enumerate(cells, start=1))


# ---------------------------------------------------------------- columns


@pytest.mark.parametrize(
    "column", ["split", "Split", "set", "subset", "dataset", "partition", "fold", "Dataset_type"]
)
def test_a_column_that_names_parts_is_used_as_part(root: Path, column: str) -> None:
    table = f"path,label,{column}\n" + rows("a,TRAIN", "b,train", "a,dev", "b,Holdout")
    index = read(root, table)
    assert index.parts == (Part.TRAIN, Part.TRAIN, Part.VAL, Part.TEST)
    assert index.understood.parts_from == f"the column {column}"
    assert index.understood.ignored_columns == ()
    assert any(f"part is '{column}'" in note for note in index.notes)


def test_a_fold_of_numbers_is_no_part_and_said(root: Path) -> None:
    index = read(root, "path,label,fold\n" + rows("a,0", "b,1", "a,2", "b,3"))
    assert set(index.parts) == {None}
    assert index.understood.ignored_columns == ("fold",)
    assert "the column 'fold' is not used as part: it holds 0, 1, 2 and 1 more" in index.notes[0]


def test_a_column_that_names_parts_and_other_words_is_refused(root: Path) -> None:
    table = "path,label,split\n" + rows("a,train", "b,train", "a,test", "b,excluded")
    with pytest.raises(DataError, match=r"row 5: .*'excluded'.* --columns part=none"):
        read(root, table)
    index = read(root, table, columns={"part": "none"})
    assert set(index.parts) == {None}
    assert index.understood.ignored_columns == ("split",)


def test_two_columns_of_parts_are_told_apart_by_a_person(root: Path) -> None:
    table = "path,label,split,subset\n" + rows("a,train,test", "b,train,test", "a,train,train")
    with pytest.raises(DataError, match=r"'split', 'subset' may each be the part; say which"):
        read(root, table)
    subset = read(root, table, columns={"part": "subset"})
    assert subset.parts == (Part.TEST, Part.TEST, Part.TRAIN)
    assert set(read(root, table, columns={"part": "split"}).parts) == {Part.TRAIN}


@pytest.mark.parametrize(
    "column", ["PatientID", "patient_id", "Patient ID", "subject", "subject_id", "patientId"]
)
def test_a_column_that_names_patients_groups_them(root: Path, column: str) -> None:
    index = read(root, f"path,label,{column}\n" + rows("a,7", "b,7.0", "a,8", "b,nan"))
    first, second, third, fourth = index.patients
    assert first == second != third
    assert first is not None
    assert third is not None
    assert fourth is None
    assert any(f"patient is '{column}'" in note for note in index.notes)


def test_what_is_not_used_is_named(root: Path) -> None:
    index = read(root, "path,label,age,pacient,\n" + rows("a,3,x,", "b,4,y,"))
    assert index.understood.ignored_columns == ("age", "pacient")
    assert index.notes == (
        "the column 'pacient' is not used; did you mean patient? --columns patient=pacient",
    )


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("path,label,Label", "'label', 'Label' may each be the label; say which: --columns label="),
        ("path,label,label", "2 columns are named 'label'; rename all but one"),
        ("path,class,target", "'class', 'target' may each be the label"),
        ("path,image,lable", "must have the columns.*Did you mean --columns label=lable"),
        ("image,file,label", "'image', 'file' may each be the path"),
        ("a,b,c", "Say which they are: --columns path=COLUMN,label=COLUMN"),
        ("path,label,Patient,patient", "'Patient', 'patient' may each be the patient"),
        ("1.png,a,b", "its first row must name the columns"),
    ],
)
def test_columns_that_may_mean_two_things_or_none_are_refused(
    root: Path, header: str, reason: str
) -> None:
    with pytest.raises(DataError, match=reason):
        read(root, f"{header}\n" + ",".join("x" for _ in header.split(",")) + "\n")


def test_a_person_s_columns_beat_what_the_names_say(root: Path) -> None:
    table = "file,path,label,finding,split\n" + "".join(
        f"{number}.png,gone,x,{label},train\n" for number, label in ((1, "a"), (2, "b"))
    )
    given = {"path": "file", "label": "Finding", "part": "none", "patient": "path"}
    index = read(root, table, columns=given)
    assert index.classes == ("a", "b")
    assert index.paths == ("1.png", "2.png")
    assert set(index.parts) == {None}
    assert index.understood.ignored_columns == ("label", "split")


def test_a_column_that_is_not_there_is_said_with_what_is_near(root: Path) -> None:
    with pytest.raises(UsageError, match=r"m.csv has no such column. Did you mean label\?"):
        read(root, LISTED, columns={"label": "labl"})
    with pytest.raises(UsageError, match="There are: path, label"):
        read(root, LISTED, columns={"patient": "xyz"})
    with pytest.raises(UsageError, match="must name a column for the path and for the label"):
        read(root, LISTED, columns={"label": "none"})


def test_options_of_tables_are_refused_for_what_is_none(root: Path) -> None:
    cache = Cache(root.parent / "cache")
    for data in (str(root), "phantom", str(root / "1.png")):
        with pytest.raises(UsageError, match=r"^--columns and --one-label: read with a table"):
            read_index(data, ReadOptions(columns={"path": "file"}, one_label="drop"), cache)


def test_an_exact_name_decides_between_columns_that_differ_in_case(root: Path) -> None:
    table = "path,label,Label\n" + rows("a,x", "b,y")
    assert read(root, table, columns={"label": "Label"}).classes == ("x", "y")


# ---------------------------------------------------------------- as published


def test_chest_x_ray_14_is_read_by_file_name_and_its_findings_are_several(tmp_path: Path) -> None:
    header = (
        "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,"
        "View Position,OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],"
    )
    rest = "058Y,M,PA,2682,2749,0.143,0.143,"
    table = header + "".join(
        f"\n{name},{finding},0,{patient},{rest}"
        for name, finding, patient in (
            ("00000001_000.png", "Cardiomegaly", 1),
            ("00000001_001.png", "Cardiomegaly|Emphysema", 1),
            ("00000002_000.png", "No Finding", 2),
        )
    )
    put(tmp_path, "images_001/images/00000001_000.png", "images_001/images/00000001_001.png")
    put(tmp_path, "images_002/images/00000002_000.png")
    (tmp_path / "test_list.txt").write_text("00000002_000.png\n")
    with pytest.raises(DataError, match=r"1 of 3 labels are several findings.*--one-label drop"):
        read(tmp_path, table, "Data_Entry_2017.csv")
    index = read(tmp_path, table, "Data_Entry_2017.csv", one_label="drop")
    assert index.paths == (
        "images_001/images/00000001_000.png",
        "images_002/images/00000002_000.png",
    )
    assert index.classes == ("Cardiomegaly", "No Finding")
    assert None not in index.patients
    assert index.left_out == ()
    assert index.understood.ignored_columns[0] == "Follow-up #"
    assert index.understood.ignored_files[0].startswith("test_list.txt beside the table, which")
    assert any("found in images_001/images, images_002/images" in note for note in index.notes)


def test_chest_x_ray_14_s_lists_are_its_parts(root: Path) -> None:
    (root / "train_val_list.txt").write_text("1.png\n2.png\n")
    (root / "test_list.txt").write_text("3.png\r\n4.png")
    table = "path,label\n" + rows("a", "b", "a", "b")
    index = read(root, table)
    assert index.parts == (Part.TRAIN, Part.TRAIN, Part.TEST, Part.TEST)
    assert index.understood.parts_from == "the lists train_val_list.txt and test_list.txt"
    index = read(root, table, columns={"part": "none"})
    assert set(index.parts) == {None}
    (aside,) = index.understood.ignored_files
    assert aside.startswith("test_list.txt, train_val_list.txt beside the table, which are not")
    own = read(root, "path,label,part\n" + rows("a,test", "b,test", "a,train", "b,train"))
    assert own.understood.parts_from == "the column part"


@pytest.mark.parametrize(
    ("listed", "reason"),
    [
        (b"3.png\n", r"^row 5: 4.png stands neither in .* nor in .*--columns part=none"),
        (b"1.png\n3.png\n4.png\n", "1.png stands in train_val_list.txt and in test_list.txt"),
        (b"\xff\xfe3", "test_list.txt must be a list of names in UTF-8"),
    ],
)
def test_lists_of_parts_that_do_not_fit_are_refused(root: Path, listed: bytes, reason: str) -> None:
    (root / "train_val_list.txt").write_text("1.png\n2.png\n")
    (root / "test_list.txt").write_bytes(listed)
    with pytest.raises(DataError, match=reason):
        read(root, "path,label\n" + rows("a", "b", "a", "b"))


def test_where_links_lead_is_asked_once_a_folder_and_not_once_an_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = chestxray14.draw(tmp_path / "set", images=240)
    asked: list[Path] = []
    resolve = Path.resolve

    def counted(path: Path, strict: bool = False) -> Path:
        asked.append(path)
        return resolve(path, strict)

    monkeypatch.setattr(Path, "resolve", counted)
    options = ReadOptions(one_label="drop")
    index = read_index(str(table), options, Cache(tmp_path / "cache"))
    assert 200 < len(index) < 240
    assert len(index.classes) == 5
    assert len(asked) <= 4 * chestxray14.FOLDERS  # 480 before, in 16 s for 112,120 images


def test_a_name_that_two_folders_hold_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "a/1.png", "b/1.png", "b/2.png")
    with pytest.raises(DataError, match=r"names '1.png', and both a/1.png and b/1.png are there"):
        read(tmp_path, LISTED)


CHEXPERT = (
    "Path,Sex,Age,Frontal/Lateral,AP/PA,No Finding,Enlarged Cardiomediastinum,Cardiomegaly\n"
    "CheXpert-v1.0-small/train/patient00001/study1/view1_frontal.jpg,Female,68,Frontal,AP,1.0,,\n"
    "CheXpert-v1.0-small/train/patient00002/study2/view1_frontal.jpg,Female,87,Frontal,AP,,,-1.0\n"
    "CheXpert-v1.0-small/train/patient00003/study1/view1_frontal.jpg,Male,59,Frontal,AP,,0.0,1.0\n"
)


def test_chexpert_has_a_column_a_finding_and_is_told_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(
        DataError,
        match=r"No Finding, Enlarged Cardiomediastinum, Cardiomegaly hold one finding each as 0 "
        r"and 1.*--columns label=No Finding\.$",
    ):
        read(tmp_path, CHEXPERT, "train.csv")
    with pytest.raises(DataError, match=r"train.csv, row 2: the label is empty; write it"):
        read(tmp_path, CHEXPERT, "train.csv", columns={"label": "Cardiomegaly"})


def test_chexpert_s_paths_begin_with_the_folder_of_the_table(tmp_path: Path) -> None:
    folder = tmp_path / "renamed"
    put(folder, *(f"train/patient0000{n}/study1/view1_frontal.jpg" for n in (1, 3)))
    put(folder, "train/patient00002/study2/view1_frontal.jpg")
    table = CHEXPERT.replace(",1.0,,\n", ",1.0,,0\n")
    index = read(folder, table, columns={"label": "Cardiomegaly"})
    assert len(index) == 3
    assert index.paths[0] == "train/patient00001/study1/view1_frontal.jpg"
    assert any("paths begin with CheXpert-v1.0-small/" in note for note in index.notes)
    assert any("1 of 3 labels are -1" in note and "uncertain" in note for note in index.notes)


def test_a_path_in_test_is_not_looked_for_in_train(tmp_path: Path) -> None:
    put(tmp_path / "train", "a/1.png", "b/2.png")
    with pytest.raises(DataError, match=r"row 2: there is no file 'test/a/1.png', and none of the"):
        read(tmp_path / "train", "path,label\ntest/a/1.png,a\ntest/b/2.png,b\n")
    index = read(tmp_path / "train", "path,label\ntrain/a/1.png,a\ntrain/b/2.png,b\n")
    assert index.paths == ("a/1.png", "b/2.png")


def test_a_table_whose_files_are_elsewhere_is_told_where_they_must_be(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    with pytest.raises(DataError, match=r"none of the 2 that are named; paths must be relative to"):
        read(tmp_path / "m", LISTED)


def test_rsna_names_files_without_their_ending_and_is_told_what_to_write(tmp_path: Path) -> None:
    folder = tmp_path / "stage_2_train_images"
    folder.mkdir()
    for name in ("0004cfab", "00313ee0"):
        (folder / f"{name}.dcm").write_bytes(dicom(noise(name, 4, 5)))
    table = "patientId,x,y,width,height,Target\n0004cfab,,,,,0\n00313ee0,1,2,3,4,1\n"
    with pytest.raises(DataError, match="must have the columns path and label"):
        read(tmp_path, table)
    with pytest.raises(
        DataError,
        match=r"row 2: there is no file '0004cfab', as for 2 rows; write names with their ending, "
        r"such as '0004cfab.dcm', which is at stage_2_train_images/0004cfab.dcm",
    ):
        read(tmp_path, table, columns={"path": "patientId"})


def test_a_list_as_covidx_has_it_is_told_what_to_write(root: Path) -> None:
    listed = "ID-1 1.png pneumonia rsna\nID-2 2.png normal rsna\n"
    with pytest.raises(UsageError, match=r"begins with the line path,label"):
        read(root, listed, "train_COVIDx9A.txt")
    with pytest.raises(DataError, match="its first row must name the columns"):
        read(root, listed.replace(" ", ","), "train_COVIDx9A.csv")


def test_one_hot_columns_are_told_what_to_write(root: Path) -> None:
    table = "filename,COVID,Normal,Viral\n" + rows("1,0,0", "0,1,0", "0,0,1")
    with pytest.raises(DataError, match=r"COVID, Normal, Viral hold one finding each as 0 and 1"):
        read(root, table)
    assert counts(read(root, table, columns={"label": "COVID"})) == {"0": 2, "1": 1}


def test_covid_chestxray_s_metadata_is_read_as_published(tmp_path: Path) -> None:
    put(tmp_path, "images/auntminnie.jpg", "images/other.png")
    index = read(
        tmp_path,
        "patientid,offset,sex,age,finding,survival,view,modality,date,folder,filename\n"
        "2,0,M,65,Pneumonia/Viral/COVID-19,Y,PA,X-ray,2020,images,auntminnie.jpg\n"
        "4,3,M,65,No Finding,Y,PA,X-ray,2020,images,other.png\n",
        "metadata.csv",
    )
    assert index.classes == ("No Finding", "Pneumonia/Viral/COVID-19")
    assert len(set(index.patients)) == 2


# ---------------------------------------------------------------- files


@pytest.mark.parametrize(
    ("table", "name"),
    [
        ("\ufeff" + LISTED, "m.csv"),
        (LISTED.replace(",", ";"), "m.csv"),
        (LISTED.replace(",", "\t"), "m.csv"),
        (LISTED.replace(",", "\t"), "m.TSV"),
        (LISTED.replace("\n", "\r\n"), "m.csv"),
        (LISTED.replace("\n", "\r"), "m.csv"),
        ("\n\n" + LISTED + "\n,\n", "m.csv"),
        ('path,label,report\n1.png,a,"two\nlines, ""said"""\n2.png,b,\n', "m.csv"),
        ('"path";"label"\n"1.png";"a"\n"2.png";"b"\n', "m.csv"),
        ("label,path\na,.\\1.png\nb,./2.png\n", "m.csv"),
    ],
    ids=["BOM", ";", "tab", "tsv", "CRLF", "CR", "blank", "quoted", "quotes;", "slashes"],
)
def test_tables_are_read_as_programs_write_them(root: Path, table: str, name: str) -> None:
    index = read(root, table, name)
    assert index.paths == ("1.png", "2.png")
    assert index.classes == ("a", "b")


def test_paths_as_windows_writes_them_are_read(tmp_path: Path) -> None:
    put(tmp_path, "images/a/1.png", "images/b/2.png")
    index = read(tmp_path, "path,label\nimages\\a\\1.png,a\nimages\\b\\2.png,b\n")
    assert index.paths == ("images/a/1.png", "images/b/2.png")


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (LISTED.encode("utf-16"), "is UTF-16 or no text; save it as UTF-8"),
        (LISTED.encode("utf-16-le"), "is UTF-16 or no text; save it as UTF-8"),
        ("path,label\n1.png,Müll\n".encode("latin-1"), "the byte 0xfc has no meaning there"),
        ("path,label\nC:\\scans\\1.png,a\n", "names a drive of Windows"),
        ("path,label\nC:/scans/1.png,a\n", "names a drive of Windows"),
        ("path,label\n\\\\server\\scans\\1.png,a\n", "names a drive of Windows"),
        ("path,label\n..\\1.png,a\n", "must lie below the manifest's folder"),
        ("path,label\n.,a\n", "must lie below the manifest's folder"),
        ("path,label\n" + "x" * 5000 + "\0" * 9, "is empty|zero character|every row needs"),
        ("path,label\n1.png," + "x" * 140_000 + "\n", "field larger than field limit"),
        ("path,label\n1.png," + "x" * 70_000 + "\n", "label has 70,000 characters"),
        ("path,label\n1.png,a\u200b\n", "a character that cannot be seen"),
        ('path,label\n1.png,"a\n', "is no CSV in UTF-8: unexpected end of data"),
        (",".join(["x"] * 100_000) + "\n", "must have the columns path and label.*more"),
    ],
)
def test_files_of_other_kinds_are_refused_in_one_line(
    root: Path, table: str | bytes, reason: str
) -> None:
    with pytest.raises(DataError, match=reason) as got:
        read(root, table)
    assert len(str(got.value)) < 600
    assert "\n" not in str(got.value)


@pytest.mark.parametrize("name", ["m.csv", "m.tsv", "m.parquet", "m.npz"])
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(DataError, match="must be a plain file, not a pipe"):
        read_index(str(tmp_path / name), ReadOptions(), Cache(tmp_path / "cache"))


def test_a_sparse_file_of_30_gb_is_no_table(tmp_path: Path) -> None:
    with (tmp_path / "m.csv").open("wb") as file:
        file.truncate(30 * 10**9)
    with pytest.raises(DataError, match="has 30,000,000,000 bytes; a table must have at most"):
        read_index(str(tmp_path / "m.csv"), ReadOptions(), Cache(tmp_path / "cache"))


def test_parquet_columns_of_pictures_are_refused_and_numbers_read(root: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    labels = pa.array(["a", "b"]).dictionary_encode()
    table = pa.table({"image": ["1.png", "2.png"], "label": labels, "Patient": [1.0, None]})
    pq.write_table(table, root / "m.parquet")
    cache = Cache(root.parent / "cache")
    index = read_index(str(root / "m.parquet"), ReadOptions(), cache)
    assert index.classes == ("a", "b")
    assert index.patients[1] is None
    pq.write_table(
        pa.table({"image": [{"bytes": b"", "path": "1.png"}], "label": [0]}), root / "m.parquet"
    )
    with pytest.raises(DataError, match="the column 'image' must hold texts or numbers, not stru"):
        read_index(str(root / "m.parquet"), ReadOptions(), cache)
    (root / "m.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError, match="is no Parquet table"):
        read_index(str(root / "m.parquet"), ReadOptions(), cache)


def test_each_refusal_is_one_line(root: Path) -> None:
    with pytest.raises(BenchmarkError) as got:
        read(root, 'path,"la\nbel",x\n1.png,a\n')
    assert "\n" not in str(got.value)


# ---------------------------------------------------------------- further columns


def test_further_columns_are_read_by_the_paths_that_the_index_has(root: Path) -> None:
    table = "Path,label,Patient Age,sex\n" + rows("a,30,f", "b,41,n/a", "a,,m", "b,7,f")
    index = read(root, table)
    asked = ReadOptions(needs_parts=False)
    cells = read_cells(str(root / "m.csv"), asked, ["patient_age", "sex"])
    assert [cells[path] for path in index.paths] == [("30", "f"), ("41", ""), ("", "m"), ("7", "f")]


def test_cells_follow_files_that_a_table_names_without_their_folders(tmp_path: Path) -> None:
    put(tmp_path, "deep/1.png", "deep/2.png")
    index = read(tmp_path, "path,label,sex\n1.png,a,f\n2.png,b,m\n")
    cells = read_cells(str(tmp_path / "m.csv"), ReadOptions(), ["sex"])
    assert [cells[path] for path in index.paths] == [("f",), ("m",)]


@pytest.mark.parametrize(
    ("table", "name", "said"),
    [
        (LISTED, "sx", "--by sx: m.csv has no such column. There are: path, label"),
        ("path,label,A-b,a b\n1.png,a,1,1\n", "ab", "'A-b', 'a b' may each be 'ab'"),
    ],
)
def test_a_column_that_is_not_there_or_twice_is_refused(
    root: Path, table: str, name: str, said: str
) -> None:
    (root / "m.csv").write_text(table)
    with pytest.raises(BenchmarkError, match=said):
        read_cells(str(root / "m.csv"), ReadOptions(), [name])


def test_columns_of_a_folder_are_refused(root: Path) -> None:
    with pytest.raises(UsageError, match="--by names columns of a table"):
        read_cells(str(root), ReadOptions(), ["sex"])
