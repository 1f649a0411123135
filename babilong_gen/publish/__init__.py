"""A finished dataset, copied to the Hugging Face Hub.

What should be there (`tree`) is compared with what is there, and the difference committed until there is
none (`push`); `hub` is all that knows the Hub's client. An interrupted push needs no memory of its own: the
next one finds what is missing in the same way.
"""
