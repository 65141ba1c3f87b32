"""The board: records ranked by a declared rule, shown, and the winner put forward.

Pure functions of records and prediction tables; nothing here reads a file, a clock or a server.
"""

from .champion import Duel, duel
from .columns import Column, columns, figure, note, title
from .entries import Board, BoardEvidence, BoardSubject, Figure, Row, Verdict
from .papers import CLAIM_FILE, PaperFacts, claim_draft, model_card
from .promote import Champion, Promotion, Refusal, promote
from .rank import DEFAULT_RULE, RankOn, Rule, compared, rank
from .report import about, above, legend, to_csv, to_figure, to_markdown, to_table, to_view
from .rows import differences

__all__ = [
    "CLAIM_FILE",
    "DEFAULT_RULE",
    "Board",
    "BoardEvidence",
    "BoardSubject",
    "Champion",
    "Column",
    "Duel",
    "Figure",
    "PaperFacts",
    "Promotion",
    "RankOn",
    "Refusal",
    "Row",
    "Rule",
    "Verdict",
    "about",
    "above",
    "claim_draft",
    "columns",
    "compared",
    "differences",
    "duel",
    "figure",
    "legend",
    "model_card",
    "note",
    "promote",
    "rank",
    "title",
    "to_csv",
    "to_figure",
    "to_markdown",
    "to_table",
    "to_view",
]
