"""The door: from bytes on a socket to a call, and back."""
