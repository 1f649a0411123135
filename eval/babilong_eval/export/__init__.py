"""A dataset in the forms that other programs read.

export.py          what is exported, and the one function that does it
chosen_samples.py  samples, and the words around them
ruler.py           NVIDIA RULER's validation.jsonl
lm_eval.py         tasks for lm-evaluation-harness
task_utils.py      what those tasks need in Python; copied beside them as utils.py
published.py       the JSON files of the published BABILong
"""
