"""What reading a text costs in floating-point operations, with full attention and in segments.

formula.py   the operations of a forward pass, counted from a model's shape
shapes.py    the shapes of the OPT family, and of any Hugging Face configuration
savings.py   the two ways of reading compared, by model and length
"""
