"""How long a report takes, and how large it is: `python -m tests.performance.report_time`.

Sixteen networks of three seeds on 1,000 images of four classes, with 30 epochs each; ranking and
the page are timed apart. Reading the tables from a store is not in it.
"""

import sys
import time

from benchmark.board import BoardEvidence, BoardSubject, rank
from benchmark.board.rank import DEFAULT_RULE
from benchmark.evaluation import score
from benchmark.records import Epoch, Params
from benchmark.report import Dossier, Origin, page
from tests.board.made import record, spec
from tests.evaluation.made import predictions

_EPOCHS = 30


def main(networks: int = 16, seeds: int = 3, images: int = 1000) -> None:
    """Print the seconds and the size."""
    classes = tuple(f"class {number}" for number in range(4))
    made = []
    for network in range(networks):
        for seed in range(seeds):
            own = spec(f"network{network}", seed=seed, params=Params(monitor="val_loss"))
            table = predictions(
                images=images, classes=4, skill=1 + network / 8, noise=network * seeds + seed
            )
            made.append(
                (record(own.arch, of=own, scores=score(table)), BoardEvidence(predictions=table))
            )
    evidence = {own.spec.digest: proof for own, proof in made}
    subject = BoardSubject(synthetic=False, split="official", classes=classes)
    before = time.perf_counter()
    board = rank([own for own, _ in made], DEFAULT_RULE, evidence, subject)
    ranked = time.perf_counter()
    metrics = {f"{part}_{name}": 0.5 for part in ("train", "val") for name in ("loss", "accuracy")}
    epochs = tuple(Epoch(number=at, stage="head", metrics=metrics) for at in range(_EPOCHS))
    histories = {row.representative.spec.digest: epochs for row in board.ranked}
    text = page(
        Dossier(
            board=board, evidence=evidence, histories=histories, searches={},
            origin=Origin(experiment="time"),
        )
    )  # fmt: skip
    done = time.perf_counter()
    print(
        f"{networks} networks of {seeds} seeds: ranked in {ranked - before:.1f} s, the page in"
        f" {done - ranked:.1f} s, {len(text.encode()) / 1e6:.2f} MB"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
