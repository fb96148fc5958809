"""The platform side, LTI 1.3: registrations, profiles, tokens, keys and AGS."""
