"""Makers of the models that ship (extra `train`). Nothing outside this folder imports them."""
