"""Mail logs of a simulated day in the formats of real servers: for tests of readers, ours and other people's. They hold no truth."""
