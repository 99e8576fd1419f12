"""Pictures, tables and pages of what a run gave."""
