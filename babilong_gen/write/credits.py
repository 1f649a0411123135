"""Who is to be named for a dataset: the licences and citations of the sources that it was made from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from babilong_gen.tasks import RULER_TASKS

# What the Hub takes for the name of a licence; anything else is `other`, spelt out below the card's sources.
_LICENCE_ID = re.compile(r"[a-z0-9][a-z0-9.-]*")

_BABI = """@article{weston2015towards,
  title   = {Towards AI-Complete Question Answering: A Set of Prerequisite Toy Tasks},
  author  = {Weston, Jason and Bordes, Antoine and Chopra, Sumit and Rush, Alexander M.
             and van Merri{\\"e}nboer, Bart and Joulin, Armand and Mikolov, Tomas},
  journal = {arXiv:1502.05698},
  year    = {2015}
}"""
_BABILONG = """@inproceedings{kuratov2024babilong,
  title     = {{BABILong}: Testing the Limits of {LLMs} with Long Context Reasoning-in-a-Haystack},
  author    = {Kuratov, Yuri and Bulatov, Aydar and Anokhin, Petr and Rodkin, Ivan and Sorokin, Dmitry
               and Sorokin, Artyom and Burtsev, Mikhail},
  booktitle = {Advances in Neural Information Processing Systems: Datasets and Benchmarks Track},
  year      = {2024}
}"""
_RMT = """@article{bulatov2023scaling,
  title   = {Scaling Transformer to {1M} tokens and beyond with {RMT}},
  author  = {Bulatov, Aydar and Kuratov, Yuri and Kapushev, Yermek and Burtsev, Mikhail S.},
  journal = {arXiv:2304.11062},
  year    = {2023}
}"""

_RULER = """@inproceedings{hsieh2024ruler,
  title     = {{RULER}: What's the Real Context Size of Your Long-Context Language Models?},
  author    = {Hsieh, Cheng-Ping and Sun, Simeng and Kriman, Samuel and Acharya, Shantanu and Rekesh, Dima
               and Jia, Fei and Zhang, Yang and Ginsburg, Boris},
  booktitle = {Conference on Language Modeling},
  year      = {2024}
}"""


def licences(manifest: Mapping[str, Any]) -> list[str]:
    """Return the Hub's ids of all licences that a dataset's text is under."""
    stories = "cc-by-3.0" if manifest["spec"]["stories"].startswith("babi:") else "apache-2.0"
    # A source on the Hub may state several, told apart by commas.
    noise = manifest["noise"]["credit"]["licence"].lower().split(", ")
    return sorted({stories, *(name if _LICENCE_ID.fullmatch(name) else "other" for name in noise)})


def citations(manifest: Mapping[str, Any]) -> list[str]:
    """Return the BibTeX of what the dataset takes after or from: its noise, and who devised its tasks."""
    tasks = manifest["spec"]["tasks"]
    babi = any(task.startswith("qa") for task in tasks)
    ruler = any(task in RULER_TASKS for task in tasks)
    rmt = any(not task.startswith("qa") and task not in RULER_TASKS for task in tasks)
    noise = manifest["noise"]["credit"]["citation"]
    devised = [(babi, (_BABILONG, _BABI)), (rmt, (_RMT,)), (ruler, (_RULER,))]
    return [*([noise] if noise else []), *(entry for of, entries in devised if of for entry in entries)]
