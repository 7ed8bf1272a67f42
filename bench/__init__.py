"""Ratios beside named peers, measured in one run: `make bench`."""
