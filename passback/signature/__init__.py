"""Why a signature does not match: a captured request, signed again with every mistake that tools are known to make."""
