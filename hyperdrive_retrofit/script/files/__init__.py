"""Follows paths, and what is done with the files and folders that they lead to."""
