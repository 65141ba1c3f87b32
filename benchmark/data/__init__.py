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
from .decoding import DECODER, decode_array, decode_bytes
from .dicom import WINDOWS, check_window
from .explore import PAGE, explore
from .facts import Fact, Facts
from .fetch import Fetched, fetch
from .folders import PICTURE_SUFFIXES
from .index import ReadOptions, Row, Title, build_index, check_index, part_counts, slug, take
from .known import DATA_SETS, DataSet
from .pixels import MAX_UNREADABLE, Decoded, Pixels, decode, decode_stream, find_decoded
from .sources import fetched_folder, read_index
from .splits import (
    NearPair,
    OnLeak,
    SplitOptions,
    group_keys,
    make_splits,
    unit_numbers,
    write_split,
)

__all__ = [
    "DATA_SETS",
    "DECODER",
    "MAX_UNREADABLE",
    "OPERATIONS",
    "PAGE",
    "PICTURE_SUFFIXES",
    "POLICIES",
    "WINDOWS",
    "Audit",
    "DataSet",
    "Decoded",
    "Fact",
    "Facts",
    "Fetched",
    "Finding",
    "NearPair",
    "OnLeak",
    "Pixels",
    "Policy",
    "ReadOptions",
    "Row",
    "Severity",
    "SplitOptions",
    "Title",
    "audit",
    "audit_table",
    "augment",
    "board_lines",
    "build_index",
    "check_index",
    "check_window",
    "decode",
    "decode_array",
    "decode_bytes",
    "decode_stream",
    "explore",
    "feature_suspects",
    "fetch",
    "fetched_folder",
    "find_decoded",
    "group_keys",
    "make_splits",
    "near_copies",
    "part_counts",
    "read_index",
    "read_policy",
    "slug",
    "take",
    "unit_numbers",
    "write_split",
]
