"""The legacy side, LTI 1.1: signatures, envelopes, messages and answers."""
