"""What the stories have in common: a CA, origins that can misbehave, a name server, the program."""
