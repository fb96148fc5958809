"""What runs in Lambda: the tool side, the platform side, and what lies between."""
