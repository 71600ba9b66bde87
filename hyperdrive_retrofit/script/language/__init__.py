"""Reads Python itself: expressions, calls, statements, imports."""
