"""Other people's files: configurations, directories and logs become scenarios, figures and comparisons."""
