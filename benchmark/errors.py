"""The errors a person meets, drawn as a tree.

```
BenchmarkError              one line for a person, exit code 2; never a traceback
├── UsageError              a word on the command line or in a YAML file is wrong
├── DataError               the images, their folders, a manifest or a split are wrong
│   └── ImageError          one image cannot be read (left out and listed, not fatal)
├── WeightsError            a weight file is missing, corrupt or of another network
├── StoreError              a folder, a cache or the tracking server cannot be used
└── PromotionError          the board's winner may not become the champion; exit code 1
```

A message says what must hold, what was got, and what to do. Anything else that escapes is our
own mistake and shows its traceback.
"""


class BenchmarkError(Exception):
    """Something a person can mend, said in one line."""

    exit_code = 2


class UsageError(BenchmarkError):
    """A word on the command line or in a YAML file is wrong."""


class DataError(BenchmarkError):
    """The images, their folders, a manifest or a split are wrong."""


class ImageError(DataError):
    """One image cannot be read; it is left out and listed."""


class WeightsError(BenchmarkError):
    """A weight file is missing, corrupt or belongs to another network."""


class StoreError(BenchmarkError):
    """A folder, a cache or the tracking server cannot be used."""


class PromotionError(BenchmarkError):
    """The board's winner may not become the champion."""

    exit_code = 1
