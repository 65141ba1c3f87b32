"""Images, from a name or a folder to pixels: sources, the index, decoding, splits, the audit."""

from .audit import (
    Audit,
    Finding,
    Severity,
    audit,
    audit_table,
    board_lines,
    feature_suspects,
    near_copies,
)
from .augmentation import OPERATIONS, POLICIES, Policy, augment, read_policy
from .class_names import counterpart, plain
from .decoding import decode_array, decode_bytes, fit, read_native
from .explore import PAGE, explore
from .facts import Facts
from .fetch import Fetched, fetch
from .fingerprints import read_file
from .folders import FolderReader
from .index import ImageRow, ReadOptions, Title, build_index, slug
from .known import DATA_SETS, DataSet
from .manifests import list_images, read_cells
from .nameless import (
    NamedReader,
    hidden,
    named_again,
    renamed,
    shown_names,
    without_names,
)
from .pixels import Decoded, Pixels, decode, decode_stream, find_decoded
from .sizes import median_pixels
from .sources import read_index
from .splits import (
    NearPair,
    OnLeak,
    SplitOptions,
    group_keys,
    make_splits,
    unit_numbers,
    write_split,
)
from .tables import TABLE_SUFFIXES
from .tree import PICTURE_SUFFIXES
from .understood import understood_json, understood_lines
from .windowing import check_window
from .written import check_manifest, write_manifest

__all__ = [
    "DATA_SETS",
    "OPERATIONS",
    "PAGE",
    "PICTURE_SUFFIXES",
    "POLICIES",
    "TABLE_SUFFIXES",
    "Audit",
    "DataSet",
    "Decoded",
    "Facts",
    "Fetched",
    "Finding",
    "FolderReader",
    "ImageRow",
    "NamedReader",
    "NearPair",
    "OnLeak",
    "Pixels",
    "Policy",
    "ReadOptions",
    "Severity",
    "SplitOptions",
    "Title",
    "audit",
    "audit_table",
    "augment",
    "board_lines",
    "build_index",
    "check_manifest",
    "check_window",
    "counterpart",
    "decode",
    "decode_array",
    "decode_bytes",
    "decode_stream",
    "explore",
    "feature_suspects",
    "fetch",
    "find_decoded",
    "fit",
    "group_keys",
    "hidden",
    "list_images",
    "make_splits",
    "median_pixels",
    "named_again",
    "near_copies",
    "plain",
    "read_cells",
    "read_file",
    "read_index",
    "read_native",
    "read_policy",
    "renamed",
    "shown_names",
    "slug",
    "understood_json",
    "understood_lines",
    "unit_numbers",
    "without_names",
    "write_manifest",
    "write_split",
]
