"""OpenCode's paths for who comes: users log in with passwords, and out again."""
