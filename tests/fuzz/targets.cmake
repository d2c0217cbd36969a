# One line a target: NAME, then what it links.
