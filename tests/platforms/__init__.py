"""Platforms of our own for tests, each written from what was seen of the real one."""
