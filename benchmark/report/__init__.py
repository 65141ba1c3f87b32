"""The report: a board and its evidence as one page that can be handed to a colleague.

Pure: records and tables in, HTML out; nothing here reads a store, a clock or an image.
"""

from .dossier import Dossier, Maps, Origin, Searched, no_maps, no_picture
from .page import page
from .portraits import image_name

__all__ = [
    "Dossier",
    "Maps",
    "Origin",
    "Searched",
    "image_name",
    "no_maps",
    "no_picture",
    "page",
]
