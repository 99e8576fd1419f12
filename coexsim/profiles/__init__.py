"""Load profiles as data: each figure with its source."""
