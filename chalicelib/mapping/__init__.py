"""What a sourcedid stands for."""
