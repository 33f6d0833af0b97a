"""The first minutes with Tollhouse: a real gateway, one question, and what is left in its books."""
