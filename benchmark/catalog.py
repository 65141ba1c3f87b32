"""A catalog: named entries, picked by name, list, glob and exclusion, with "did you mean"."""

from collections.abc import Callable, Collection, Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Generic, TypeVar

from .errors import UsageError, did_you_mean
from .texts import items

Entry = TypeVar("Entry")


class Catalog(Generic[Entry]):
    """Entries of one kind in a fixed order, each under a unique name.

    Args:
        kind: what an entry is called in messages, such as "architecture".
        entries: (name, entry) pairs in the order they are listed and selected.
        make: makes an entry from a name outside the list (`keras:ResNet101`), or gives None.
        aside: names that are not meant by `all`.
    """

    def __init__(
        self,
        kind: str,
        entries: Iterable[tuple[str, Entry]],
        *,
        make: Callable[[str], Entry | None] = lambda _: None,
        aside: Collection[str] = (),
    ) -> None:
        self.kind = kind
        self._entries = dict(entries)
        self._make = make
        self._aside = aside

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __getitem__(self, name: str) -> Entry:
        """Return the entry of that name.

        Raises:
            UsageError: no such entry; the message names the nearest ones.
        """
        entry = self._entries.get(name) or self._make(name)
        if entry is None:
            raise UsageError(self._unknown(name))
        return entry

    def select(self, words: str) -> tuple[str, ...]:
        """Turn `all`, names, globs and `-exclusions`, separated by commas, into names.

        Names keep the order in which they were asked for, `all` and globs the catalog's order;
        an exclusion counts wherever it stands. A selection that begins with an exclusion starts
        from `all`.

        Raises:
            UsageError: an unknown name, a glob that matches nothing, one of them twice, or
                nothing left.
        """
        parts = items(words)
        wanted = [part for part in parts if not part.startswith("-")]
        unwanted = [part[1:] for part in parts if part.startswith("-")]
        if unwanted and not wanted:
            wanted = ["all"]
        chosen = dict.fromkeys(name for word in wanted for name in self._match(word))
        for word in unwanted:
            for name in self._match(word):
                chosen.pop(name, None)
        if not chosen:
            raise UsageError(f"{words!r} selects no {self.kind}; write one of: {', '.join(self)}.")
        return tuple(chosen)

    def _match(self, word: str) -> tuple[str, ...]:
        if word == "all":
            return tuple(name for name in self if name not in self._aside)
        if any(sign in word for sign in "*?["):
            names = tuple(name for name in self if fnmatchcase(name, word))
            if not names:
                raise UsageError(f"no {self.kind} matches {word!r}; there are: {', '.join(self)}.")
            return names
        self[word]
        return (word,)

    def _unknown(self, name: str) -> str:
        return f"no {self.kind} named {name!r}. {did_you_mean(name, self)}"
