"""The board: records ranked by a declared rule, shown, and the winner put forward.

Pure functions of records and prediction tables; nothing here reads a file, a clock or a server.
"""

from .champion import Duel, duel
from .entries import Board, BoardEvidence, BoardSubject, Figure, Row, Verdict
from .promote import Champion, Promotion, Refusal, promote
from .rank import DEFAULT_RULE, RankOn, Rule, compared, rank
from .report import to_csv, to_figure, to_markdown, to_table, to_view
from .rows import differences

__all__ = [
    "DEFAULT_RULE",
    "Board",
    "BoardEvidence",
    "BoardSubject",
    "Champion",
    "Duel",
    "Figure",
    "Promotion",
    "RankOn",
    "Refusal",
    "Row",
    "Rule",
    "Verdict",
    "compared",
    "differences",
    "duel",
    "promote",
    "rank",
    "to_csv",
    "to_figure",
    "to_markdown",
    "to_table",
    "to_view",
]
