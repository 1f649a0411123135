"""Models as the harness sees them.

    protocol.py    what a model offers: start, step, answer (`SegmentModel`)
    segments.py    token streams -> batches of segments
    state.py       the tensors of a state: how many bytes, which rows
    registry.py    KIND:PATH -> model; kinds of ours and of other packages
    rmt/           the Recurrent Memory Transformer around encoders and decoders
    causal.py      any Hugging Face causal LM with its whole context
    window.py      the same, bounded: a sliding window with attention sinks
    recurrent.py   the library's recurrent models, through their caches

Nothing is imported here, so that asking for one kind does not load the others.
"""
