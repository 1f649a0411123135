"""RULER's synthetic tasks (Hsieh et al. 2024, arXiv 2404.06654), under their published names and defaults.

`RULER_TASKS` is the one place where a task's name, its published options and its simulator meet. A story of
theirs is asked for one answer or several, of no closed set: what they are drawn from has millions of words.

    needles     keys, values and the sentence that joins them
    niah        which value has this key?                        niah_*
    vt          which variables have this value?                 vt
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from babilong_gen.tasks.ruler import niah, vt
from babilong_gen.tasks.ruler.options import NiahOptions, RulerOptions, VtOptions, with_options
from babilong_gen.tasks.task import Task

__all__ = ["RULER_TASKS", "ruler_task"]

RULER_TASKS: dict[str, tuple[str, RulerOptions]] = {
    "niah_single_1": ("a needle among repeated sentences", NiahOptions(type_haystack="noise")),
    "niah_single_2": ("a needle in text", NiahOptions()),
    "niah_single_3": ("a needle in text, a UUID", NiahOptions(type_needle_v="uuids")),
    "niah_multikey_1": ("a needle beside three others", NiahOptions(num_needle_k=4)),
    "niah_multikey_2": ("a needle among needles", NiahOptions(type_haystack="needle")),
    "niah_multikey_3": (
        "a needle among needles, all UUIDs",
        NiahOptions(type_haystack="needle", type_needle_k="uuids", type_needle_v="uuids"),
    ),
    "niah_multivalue": ("four values of one key", NiahOptions(num_needle_v=4)),
    "niah_multiquery": ("values of four keys", NiahOptions(num_needle_q=4)),
    "vt": ("variables along a chain of assignments", VtOptions()),
}


def ruler_task(name: str, task_options: Iterable[str] = ()) -> Task:
    """Return the task of a published name, with a user's options.

    Raises:
        UsageError: the task has no such option, or not this value of it.
    """
    title, defaults = RULER_TASKS[name]
    options = with_options(name, defaults, task_options)
    if isinstance(options, NiahOptions):
        lexicon, simulator, haystack = niah.LEXICON, partial(niah.simulate, options), niah.haystack(options)
    else:
        lexicon, simulator, haystack = vt.LEXICON, partial(vt.simulate, options), vt.haystack(options)
    return Task(name=name, title=title, choices=(), lexicon=lexicon, simulator=simulator, haystack=haystack)
