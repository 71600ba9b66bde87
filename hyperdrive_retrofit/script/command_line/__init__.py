"""Reads the options that a script takes, for each library that reads command lines in its own way."""
