"""otari's own paths, for its clients: keys, users, budgets, prices and usage, in its words.

What is asked for here is done by the same use cases as everywhere, as acts of the same table: only the
words are otari's. Names of ours lie within one tenant, and otari's clients never see it.
"""
