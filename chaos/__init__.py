"""Faults on purpose: a running family is hurt at random moments, by seed, and must lose nothing."""
