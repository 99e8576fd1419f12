"""One file a product or service: settings to policy, replies and codes, retry schedules, limits. `registry` lists them."""
