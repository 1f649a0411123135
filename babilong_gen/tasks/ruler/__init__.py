"""RULER's synthetic tasks (Hsieh et al. 2024, arXiv 2404.06654), under their published names and defaults.

`RULER_TASKS` is the one place where a task's name, its published options and its simulator meet. A story of
theirs is asked for one answer or several, of no closed set: what they are drawn from has millions of words.

options.py  the knobs of all of them
needles.py  keys, values and the sentence that joins them
words.py    English words for keys and for lists
niah.py     niah_*: which value has this key?
vt.py       vt: which variables have this value?
cwe.py      cwe: which words of a numbered list are common?
fwe.py      fwe: which words of a coded text are frequent?
exact.py    the last gap of a text that is nothing but words
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from babilong_gen.tasks.ruler import cwe, fwe, niah, vt
from babilong_gen.tasks.ruler.options import (
    CweOptions,
    FweOptions,
    NiahOptions,
    RulerOptions,
    VtOptions,
    with_options,
)
from babilong_gen.tasks.task import Lexicon, Simulator, Task

__all__ = ["RULER_TASKS", "WHOLE_TEXT_TASKS", "ruler_task"]

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
    "cwe": ("common words of a numbered list", CweOptions()),
    "fwe": ("frequent words of a coded text", FweOptions()),
}

WHOLE_TEXT_TASKS = ("cwe", "fwe")
"""Those whose text is nothing but what is asked about: without noise, facts and placement."""

_NOTHING = Lexicon(entities=frozenset(), predicates=frozenset())


def ruler_task(name: str, task_options: Iterable[str] = ()) -> Task:
    """Return the task of a published name, with a user's options.

    Raises:
        UsageError: the task has no such option, or not this value of it.
    """
    title, defaults = RULER_TASKS[name]
    options = with_options(name, defaults, task_options)
    lexicon, haystack = _NOTHING, None
    simulator: Simulator
    match options:
        case NiahOptions():
            lexicon, simulator = niah.LEXICON, partial(niah.simulate, options)
            haystack = niah.haystack(options)
        case VtOptions():
            lexicon, simulator = vt.LEXICON, partial(vt.simulate, options)
            haystack = vt.haystack(options)
        case CweOptions():
            simulator = partial(cwe.simulate, options)
        case FweOptions():
            simulator = partial(fwe.simulate, options)
    return Task(name=name, title=title, choices=(), lexicon=lexicon, simulator=simulator, haystack=haystack)
