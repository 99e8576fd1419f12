"""Runs: one, or many on an executor, and the tables they give."""
