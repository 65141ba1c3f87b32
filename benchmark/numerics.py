"""The number of each room that changes results: part of every spec, so of every run's digest.

A number is raised by hand in the same commit as a change after which the same spec gives other
figures. `tests/test_numerics.py` holds each number to a reference result and fails where the one
changes without the other.
"""

from .records import Params

NUMERICS = Params(
    data=2,  # 2: near copies are like exact ones in splits; padding is black; 16-bit grey in use
    zoo=2,  # 2: networks see a share of a picture's side; another cnn
    training=4,  # 4: fits of a choice end nearer to their minima; 3: heads are convex and chosen
    search=3,  # 3: a trial's head is convex; 2: hyperband delivers the network of its best trial
    evaluation=3,  # 3: after a temperature; 2: classes with images; intervals of Wilson's form
)
"""The present numbers by room."""
