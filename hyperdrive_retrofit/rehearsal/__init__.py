"""Run a pipeline on this machine, with the user's scripts unmodified and no Azure account."""
