"""Limits and signals shared between requests and processes."""
