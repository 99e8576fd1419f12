"""What mail servers do with mail: pure rules that know no clock, no randomness and no SimPy."""
