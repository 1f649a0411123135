"""The card's figure: where in the input the supporting facts lie, drawn in characters.

Characters show wherever the card is read, on the Hub as in a terminal, and need no image beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_BAR_CHARACTERS = 40
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_LEVELS = "▁▂▃▄▅▆▇█"


def histogram(cells: Iterable[Mapping[str, Any]]) -> str:
    """Draw a line for each tenth of the input: a bar and the number of supporting facts that begin there.

    Args:
        cells: of a manifest. Those of facts only are left out: their facts are all there is.

    Returns:
        Empty where there is nothing to show.
    """
    rows = [cell["supporting_facts_by_depth"] for cell in cells if cell["length"] != "0k"]
    counts = [sum(column) for column in zip(*rows, strict=True)]
    if not any(counts):
        return ""
    digits = max(len(f"{count:,}") for count in counts)
    step = 100 // len(counts)
    return "\n".join(
        f"{number * step:3} to {(number + 1) * step:3} %  {count:{digits},}  {_bar(share)}".rstrip()
        for number, (count, share) in enumerate((count, count / max(counts)) for count in counts)
    )


def sparkline(counts: Sequence[int]) -> str:
    """Draw one character per count, as high as it is among them; a dot where there are none."""
    most = max(counts, default=0)
    return "".join(_LEVELS[-(-count * len(_LEVELS) // most) - 1] if count else "·" for count in counts)


def _bar(share: float) -> str:
    eighths = round(share * _BAR_CHARACTERS * 8)
    return _EIGHTHS[8] * (eighths // 8) + _EIGHTHS[eighths % 8].strip()
