"""Figures for papers and reports: each a function of what was measured that returns a matplotlib figure.

    accuracy_by_length.py     accuracy against length
    heatmaps.py               accuracy as a grid: task × length, depth × length
    losses_by_length.py       answers lost from length to length; accuracy against the distance between facts
    memory_and_time.py        time and peak memory against length
    operations_by_length.py   operations against length, with full attention and in segments
    attention_by_segment.py   where an RMT encoder looks while it reads one sample
    memory_overwrites.py      what stands in the windows that made a model lose an answer
    reference_curves.py       published curves from CSV
    length_axis.py            where lengths stand on a log2 axis, and what is written there
    style.py                  one look: sizes, colours, markers; saving

Importing one of these imports matplotlib, but none of its windows: figures are drawn without pyplot.
"""
