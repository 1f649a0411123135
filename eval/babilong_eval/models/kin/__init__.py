"""Segment-recurrent models of other packages, each read by the package's own code.

config.py             what a checkpoint says: the kind, the arguments of the package's class, the segments
packages.py           the packages, imported where they are installed
decoder.py            a package's decoder as a network that reads segment by segment
memorizing.py         `memorizing:`       Memorizing Transformer (arXiv 2203.08913)
knn_memory.py         its memory, a value: exact nearest neighbours in torch
rmt_lucidrains.py     `rmt-lucidrains:`   another Recurrent Memory Transformer (arXiv 2207.06881)
block_recurrent.py    `block-recurrent:`  Block-Recurrent Transformer (arXiv 2203.07852)
transformer_xl.py     `transformer-xl:`   Transformer-XL's recurrence (arXiv 1901.02860)
memformer.py          `memformer:`        Memformer (arXiv 2010.06891), an encoder and a decoder
kinds.py              all of them by name
model.py              one as the harness's `SegmentModel`, new or from its folder
"""
