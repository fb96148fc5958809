"""The fault harness: a whole Passback under fire, judged at the end. See docs/soak.md; run by ``make soak``."""
