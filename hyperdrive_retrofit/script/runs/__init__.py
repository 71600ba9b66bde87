"""Follows Azure ML's runs and workspaces, and mlflow."""
