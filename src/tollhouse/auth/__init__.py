"""Authenticators: from a credential to a principal."""
