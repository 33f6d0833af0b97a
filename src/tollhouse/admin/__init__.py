"""The admin API: a listener of its own, with credentials of its own."""
