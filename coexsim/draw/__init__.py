"""The mail of a run at its birth: who writes to whom, when, how large, and how much work it causes."""
