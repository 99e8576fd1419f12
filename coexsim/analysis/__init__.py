"""Answers: theory, objectives, the round trip, sizing, comparison and what a scenario assumes."""
