"""No limit, said in so many words in the settings."""

from __future__ import annotations


class Unlimited:
    """Implements Limiter."""

    async def take(self, subject: str) -> None:
        """Always."""
