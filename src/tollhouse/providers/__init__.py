"""How to address and sign a request."""
