"""Takes guards out, one at a time, and names those that no test misses."""
