"""One module for each noun of `vigil`."""
