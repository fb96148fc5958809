"""The demonstration: outcomes by other people's clients, through Passback and at old Canvas, and both compared."""
