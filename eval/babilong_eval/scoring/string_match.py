"""RULER's rules: answers count wherever their letters stand in an output, in whatever case.

`string_match_all` gives a sample the share of its answers that are found, `string_match_part` a whole point
where one of them is (Hsieh et al. 2024, arXiv 2404.06654). RULER uses the first for its synthetic tasks and
the second for its question answering.
"""

from __future__ import annotations

from collections.abc import Sequence


def shares_found(targets: Sequence[str], outputs: Sequence[str], *, any_will_do: bool) -> list[float]:
    """Return for each output the share of its answers that it holds, 0 to 1.

    Args:
        targets: the answers of each prediction, comma-joined.
        outputs: one per prediction.
        any_will_do: whether one answer is as good as all of them.
    """
    return [
        _share(target.lower().split(","), output.lower(), any_will_do)
        for target, output in zip(targets, outputs, strict=True)
    ]


def _share(answers: list[str], output: str, any_will_do: bool) -> float:
    found = sum(answer in output for answer in answers)
    return float(found > 0) if any_will_do else found / len(answers)
