"""What every problem is: a code, a status, words for the caller and words for the log."""

from __future__ import annotations

from typing import ClassVar


class Problem(Exception):
    """What a caller gets when no answer can be given."""

    code: ClassVar[str]
    status: ClassVar[int]
    title: ClassVar[str]
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        detail: str | None = None,
        *,
        private: str | None = None,
        param: str | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        self.detail = detail or self.title
        self.private = private
        self.param = param
        self.retry_after_s = retry_after_s
        self.is_worth_a_retry = self.retryable
        super().__init__(self.detail)

    def forget(self) -> None:
        """The way it came: that holds on to whoever keeps it, until a collector looks."""
        self.__traceback__ = self.__cause__ = self.__context__ = None
        self.__suppress_context__ = True

    def __init_subclass__(cls) -> None:
        if "code" in vars(cls):
            if cls.code in REGISTRY:
                raise TypeError(f"error code {cls.code!r} is taken")
            REGISTRY[cls.code] = cls


REGISTRY: dict[str, type[Problem]] = {}


class Refusal(Problem):
    """We said no."""


class Failure(Problem):
    """It broke."""
