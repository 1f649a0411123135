"""Figures for papers and reports: functions of what was measured that return a matplotlib figure.

    accuracy_by_length.py     accuracy against length
    differences_by_length.py  by how many points one run is better than others
    heatmaps.py               accuracy as a grid: task × length, model × length, depth × length
    effective_lengths.py      the longest length above a threshold
    accuracy_by_gap.py        accuracy against the distance between facts
    losses_by_length.py       answers lost and regained from length to length
    memory_and_time.py        peak memory and time per sample against length
    operations_by_length.py   operations against length, with full attention and in segments
    attention_by_segment.py   where an RMT encoder looks while it reads one sample
    memory_overwrites.py      what the windows that made a model lose an answer contain
    perplexity.py             what a memory is worth to a language model

    reference_curves.py       published curves from CSV
    length_axis.py            lengths on a log2 axis, and their labels
    sheet.py                  a figure's panels, legend and small print, or a caller's own axes
    style.py                  the look: sizes, colours, markers, intervals; saving

A new figure is a module here, a function in `commands/plot/`, and a row in docs/figures.md. Figures are drawn
without pyplot, so that no window opens.
"""
