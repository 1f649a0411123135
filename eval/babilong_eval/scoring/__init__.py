"""What counts as right, and how sure that is.

predictions.py   a prediction file's name and its columns
official.py      the published rule, faults included
strict.py        the same with its faults repaired
interval.py      the 95 % interval of an accuracy
score.py         a rule applied to a file or to predictions at hand
"""
