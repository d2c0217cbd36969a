# One line a test, in the order of the request's path: NAME, then what it links.
