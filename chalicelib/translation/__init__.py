"""Pure rules: an outcome and what is known of its cell become AGS calls; their answers become the tool's."""
