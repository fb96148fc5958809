"""Canvas in a box: an LTI Advantage platform and an LTI 1.1 outcomes door over one gradebook."""
