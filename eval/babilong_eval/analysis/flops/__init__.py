"""What reading a text costs in floating-point operations, with full attention and in segments.

formula.py   the operations of a forward pass, counted from a model's shape
shapes.py    shapes: the OPT family's, and that of any Hugging Face configuration
savings.py   the two compared, by model and length
"""
