"""The Recurrent Memory Transformer: a memory of a few vectors that is handed from segment to segment.

config.py              what makes an RMT: its form, memory, segments, labels
build.py               one around a backbone, of random or pretrained weights
encoder.py             around BERT and kin (arXiv 2304.11062)
decoder.py             around GPT-2, Llama and kin (arXiv 2207.06881)
gate.py                a memory that a segment without facts leaves as it was
sparse_last_layer.py   the last layer, computed only where it is read
model.py               an RMT as the harness's `SegmentModel`
serialization.py       folders: config.json, model.safetensors, tokenizer.json
author_checkpoints.py  checkpoints of the authors' own code
"""
