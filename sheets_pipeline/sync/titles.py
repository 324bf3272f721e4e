"""What to say of a title that no tab has."""

from collections.abc import Collection
from difflib import get_close_matches

#: Titles that are listed; of more only those that come near are of use.
_LISTED = 20


def no_such_tab(title: str, known: Collection[str]) -> str:
    """Names the tabs that there are, first the one that was probably meant."""
    listed = ", ".join(list(known)[:_LISTED]) + (f" and {len(known) - _LISTED} more" if len(known) > _LISTED else "")
    meant = nearest(title, known)
    return f"There is no tab {title!r}. {f'Did you mean {meant!r}? ' if meant else ''}Known tabs: {listed}."


def nearest(title: str, known: Collection[str]) -> str | None:
    """The title that comes nearest, whatever its capitals, blanks and underscores; None where none comes near."""
    by_plain = {_plain(one): one for one in known}
    near = get_close_matches(_plain(title), by_plain, n=1)
    if near:
        return by_plain[near[0]]
    begun = [one for plain, one in by_plain.items() if _plain(title) and plain.startswith(_plain(title))]
    return begun[0] if len(begun) == 1 else None


def _plain(title: str) -> str:
    return "".join(character for character in title.casefold() if character.isalnum())
