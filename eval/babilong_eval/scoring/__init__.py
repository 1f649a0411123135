"""What counts as correct, and how sure that is: rules that know nothing of files.

official.py   the published rule, faults included
strict.py     the same with its faults repaired
string_match.py   RULER's rules for open answers, and a careful one
interval.py   the 95 % interval of an accuracy
score.py      a rule applied to predictions
explain.py    why a rule counted an answer as it did
"""
