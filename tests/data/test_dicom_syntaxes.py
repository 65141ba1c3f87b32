"""DICOM's compressed transfer syntaxes: what the installed decoders read, and what is missing."""

import base64
import struct
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from benchmark.data.decoding import read_native
from benchmark.data.dicom import decoders, read_tags
from benchmark.data.dicom_files import check_stream, missing_decoder
from benchmark.errors import ImageError
from benchmark.records import Picture
from tests.data.pictures import dicom, encode, gradient, noise

DEEP = (np.arange(48).reshape(6, 8) * 80).astype(np.uint16)
TAGS = dict[str, Any](BitsStored=12, HighBit=11, WindowCenter=2048, WindowWidth=4096)
# DEEP as imagecodecs 2026.3.6 compresses it.
STREAMS = {
    "1.2.840.10008.1.2.4.70": (
        "|JeV;02crO0RaI30000000000000092MP@T!vG5m00saE0RRyI|Jncu0RR97008Iz0H{<d6$*typ{NA`Ku{C"
        "~0YFeS0H7!e0)U_>3I?DQ1pz=%6a@i5)B=E@C<+3ApeP!EP!t6LKu{C~0RPz"
    ),
    "1.2.840.10008.1.2.4.80": (
        "|JeWN03cIPNk&Eh0ssI300006000083J?YX0003j0003j|L6b+00001|JeWc01FTR1^@^F0TBTI_y7$7|Nj6"
        "I07C&306_oR00;pA00000r2L<gwA`PQwAz452|Z3zRK{9RC<ap{kjG;&Qh7hI7;GjB0sT%V=jYeQx2KgfpI#"
        "l^on0K%!2j6"
    ),
    "1.2.840.10008.1.2.4.81": (
        "|JeWN03cIPNk&Eh0ssI300006000083J?YX0003j0003j|L6b+00001|JeWc01FTR1^@^F0TBTI_y7$7|Nj6"
        "R08#-d06_oR00;pA00RI3qOo|ayjE7O+A$WGmWxb9w-u{aty;9U+O=xhZKY+#m8w?TO3Q6B+AX$KfdAP"
    ),
    "1.2.840.10008.1.2.4.91": (
        "|4;u>04V?f0000800006000000000000008000060000000000009pH0sm3}4FLiG0RR951ONbt|6BkCLVy7"
        "OWB?@q0Yh?SVRU6=AYyqSPjF>!N>D{dAa-SPb7^mGATlmBE;Rp;015yA0000+00IA#-"
        "@&L7C>l*7ZCC^ULVix$4F&6{)(@3(VVUhC5)llJ=?pf?ykV&t`tZ+rfNmTXP1?n9ogmh&|Je"
    ),
    "1.2.840.10008.1.2.4.51": (
        "|JeWF01!$>Nk#wx0RR9200961|JwjV009930RaI40RaI40RaI40s#R50RaL50RaL60s;a80s;a90|WyD0|Ns"
        "B0s{mC0|W#F1Ox&D1qB2I1q1{H1pmPR3k(1T00;pA5di<h02BZL0000000000000000000B|HJ?u5C8xK2LJ"
        "#70000000000000LH3l1kJMMz_3|Jncu0RaF2KLB(FlVQac2Pv9%rT)=@CPtoIKmXY"
    ),
    "1.2.840.10008.1.2.4.201": (
        "|4;u>04YEK0000800006000000000000008000060000000000009pH0sl|{2mk^A000XAQUDA90ssL31q1{"
        "@0smY86Cj9?kdTm&kdTm&kdTmwh=~7W02crOPjF>!N>E53R%LP^FfKASE;BCwkN^q*00000TL1z7lfVEbLG%"
        "R&bN~PVzyK3K022V%{sISd06z5thjakI024p}698sr0fKY@pPv9iGyuQ=DqsK=fF6(Mph7VMb^!kLr$7Dqz*"
        "2#}wgCUx"
    ),
}
LOSSLESS = ("1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.201")


def compressed(syntax: str, **tags: Any) -> bytes:
    from pydicom.encaps import encapsulate

    stream = base64.b85decode(STREAMS[syntax])
    return dicom(DEEP, syntax, PixelData=encapsulate([stream]), **{**TAGS, **tags})


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away every decoder that pydicom has not itself."""

    class Absent:
        is_available = False

    monkeypatch.setattr("pydicom.pixels.get_decoder", lambda _syntax: Absent())
    monkeypatch.setattr("benchmark.data.dicom_files.find_spec", lambda _name: None)


@pytest.mark.parametrize("syntax", STREAMS)
def test_a_syntax_is_read_where_its_decoder_is_installed(syntax: str) -> None:
    from pydicom.pixels import get_decoder

    needs_12_bits = syntax.endswith(".51") and not find_spec("pylibjpeg")
    if needs_12_bits or not get_decoder(syntax).is_available:
        pytest.skip(missing_decoder(syntax))
    shown = read_native(compressed(syntax), Picture(side_px=4)).pixels.astype(int)
    plain = read_native(dicom(DEEP, **TAGS), Picture(side_px=4)).pixels
    assert np.abs(shown - plain).max() <= (0 if syntax in LOSSLESS else 1)


@pytest.mark.parametrize(
    ("syntax", "package"),
    [
        ("1.2.840.10008.1.2.4.51", "pylibjpeg-libjpeg"),
        ("1.2.840.10008.1.2.4.70", "pylibjpeg-libjpeg"),
        ("1.2.840.10008.1.2.4.81", "pylibjpeg-libjpeg"),
        ("1.2.840.10008.1.2.4.91", "pylibjpeg-openjpeg"),
        ("1.2.840.10008.1.2.4.201", "pylibjpeg-openjpeg"),
    ],
)
def test_a_refusal_names_what_to_install(
    syntax: str, package: str, nothing_installed: None
) -> None:
    with pytest.raises(ImageError, match=f"pip install pylibjpeg {package}, or convert it") as told:
        read_native(compressed(syntax), Picture(side_px=4))
    assert syntax in str(told.value)


def test_what_is_installed_is_not_advised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmark.data.dicom_files.find_spec", lambda name: name)
    assert missing_decoder("1.2.840.10008.1.2.4.70") == ""


def test_a_syntax_that_nothing_decodes_is_refused_by_its_name() -> None:
    from pydicom.encaps import encapsulate

    data = dicom(gradient(), "1.2.840.10008.1.2.4.102", PixelData=encapsulate([b"film"]))
    with pytest.raises(
        ImageError, match=r"syntax 1\.2\.840\.10008\.1\.2\.4\.102 cannot be read; conv"
    ):
        read_native(data, Picture(side_px=4))


def test_a_header_is_read_whatever_compresses_the_pixels(nothing_installed: None) -> None:
    """A cache must not remember a refusal that a package mends."""
    assert read_tags(compressed("1.2.840.10008.1.2.4.70", PatientID="7")).patient == "7"


@pytest.mark.parametrize("syntax", STREAMS)
def test_a_stream_of_another_size_is_refused_before_it_is_decoded(syntax: str) -> None:
    from io import BytesIO

    from pydicom import dcmread

    file = dcmread(BytesIO(compressed(syntax)))
    check_stream(file, (8, 6))
    with pytest.raises(ImageError, match=r"header says \(9, 6\), its compressed picture \(8, 6\)"):
        check_stream(file, (9, 6))
    file.SamplesPerPixel = 3
    with pytest.raises(ImageError, match="header says 3 channels, its compressed picture 1"):
        check_stream(file, (8, 6))


def test_a_stream_without_a_size_is_refused() -> None:
    from pydicom.encaps import encapsulate

    data = dicom(DEEP, "1.2.840.10008.1.2.4.50", PixelData=encapsulate([b"\xff\xd8\xff\xd9"]))
    with pytest.raises(ImageError, match="does not state its size"):
        read_native(data, Picture(side_px=4))


def runs(segment: bytes) -> bytes:
    """Return a file of 8 × 6 pixels whose one segment of runs is given."""
    from pydicom.encaps import encapsulate

    frame = struct.pack("<16I", 1, 64, *[0] * 14) + segment
    return dicom(noise("runs", 6, 8), "1.2.840.10008.1.2.5", PixelData=encapsulate([frame]))


def test_runs_that_unpack_to_far_more_than_the_picture_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A file of 10 MB would otherwise take 640 MB, whatever the size of its picture."""
    whole = bytes([47]) + noise("runs", 6, 8).tobytes() + b"\x80"
    bomb = runs(b"\x81\0" * 1000)
    monkeypatch.setattr("benchmark.data.dicom_files._MOST_INFLATED", 0)  # so that all are walked
    plain = read_native(dicom(noise("runs", 6, 8)), Picture(side_px=4)).pixels
    assert np.array_equal(read_native(runs(whole), Picture(side_px=4)).pixels, plain)
    with pytest.raises(ImageError, match="runs unpack to more than the picture"):
        read_native(bomb, Picture(side_px=4))


@pytest.mark.parametrize("form", ["JPEG", "JPEG2000"])
@pytest.mark.parametrize("kept", [0.75, 0.9, 0.99])
def test_a_stream_that_is_cut_short_is_called_damaged(form: str, kept: float) -> None:
    from pydicom.encaps import encapsulate

    stream = encode(gradient(), form, **({"no_jp2": True} if form == "JPEG2000" else {}))
    syntax = {"JPEG": "1.2.840.10008.1.2.4.50", "JPEG2000": "1.2.840.10008.1.2.4.90"}[form]
    read_native(dicom(gradient(), syntax, PixelData=encapsulate([stream])), Picture(side_px=4))
    cut = encapsulate([stream[: int(kept * len(stream))]])
    data = dicom(gradient(), syntax, PixelData=cut)
    with pytest.raises(ImageError, match="compressed picture is damaged"):
        read_native(data, Picture(side_px=4))


def test_the_decoders_are_those_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.metadata import PackageNotFoundError

    def version(name: str) -> str:
        if name != "pylibjpeg-libjpeg":
            raise PackageNotFoundError
        return "2.5.0"

    monkeypatch.setattr("benchmark.data.dicom.version", version)
    assert decoders() == ("pylibjpeg-libjpeg 2.5.0",)
