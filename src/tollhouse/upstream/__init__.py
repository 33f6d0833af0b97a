"""The one way out: a strict and quick HTTP/1.1 client, one per origin."""
