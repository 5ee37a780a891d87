"""One file per Task state of a state machine."""
