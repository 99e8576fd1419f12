"""Mail logs: one reader a kind of log, all giving the same tables (`logs.book`), which `logs.join` turns into journeys."""
