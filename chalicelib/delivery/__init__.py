"""From an accepted outcome to its end: acceptance, the attempt while the tool waits, taking over."""
