"""Damaged scenarios and random worlds: `make fuzz` for as long as a developer likes, a short form in CI."""
