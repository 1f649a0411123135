"""Figures for papers and reports: each a function of what was measured that returns a matplotlib figure.

    style.py       one look: sizes, colours, markers; saving
    axis.py        where lengths stand on a log2 axis, and what is written there
    reference.py   published curves from CSV
    curves.py      accuracy against length
    grids.py       accuracy as a grid: task × length, depth × length
    cost.py        time and peak memory against length
    retention.py   answers lost from length to length; accuracy against the distance between facts
    flips.py       what stands in the windows that made a model lose an answer
    flops.py       operations against length, with full attention and in segments
    attention.py   where an RMT encoder looks while it reads one sample

Importing one of these imports matplotlib, but none of its windows: figures are drawn without pyplot.
"""
