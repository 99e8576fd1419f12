"""Findings, one file a subject: what they mean, and who finds them. ``findings.py`` lists the subjects."""
