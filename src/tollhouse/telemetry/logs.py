"""Logs: one JSON object a line on stderr, secrets taken out, ours and the libraries' alike.

Environment variables and local variables are never part of a line, not in a crash either.
"""

from __future__ import annotations

import logging
import sys
import threading
from types import TracebackType

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from tollhouse.telemetry.redaction import redact_named

LEVELS = {name.lower(): number for name, number in logging.getLevelNamesMapping().items() if number}


def configure(level: str = "info") -> None:
    """Send every log line of this process to stderr. Libraries never log below `info`.

    Raises ValueError on an unknown level.
    """
    if level not in LEVELS:
        raise ValueError(f"{level!r} is no log level; one of {', '.join(LEVELS)} is")
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, *_stamps(), *_to_json()],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=_Stderr,
        cache_logger_on_first_use=True,
    )
    _adopt_standard_logging(max(LEVELS[level], logging.INFO))
    _adopt_crashes()


def redacting(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    return {name: redact_named(name, value) for name, value in event.items()}


def _stamps() -> list[Processor]:
    return [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _to_json() -> list[Processor]:
    return [
        structlog.processors.format_exc_info,
        redacting,
        structlog.processors.JSONRenderer(),  # escapes everything that could end a line
    ]


def _adopt_standard_logging(level: int) -> None:
    handler = _StandardHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *_stamps()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_to_json()],
        )
    )
    logging.root.handlers = [handler]
    logging.root.setLevel(level)
    for name in logging.root.manager.loggerDict:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True


def _adopt_crashes() -> None:
    sys.excepthook = _crashed
    threading.excepthook = lambda crash: _crashed(
        crash.exc_type, crash.exc_value, crash.exc_traceback
    )
    sys.unraisablehook = lambda crash: _crashed(
        crash.exc_type, crash.exc_value, crash.exc_traceback
    )


def _crashed(
    kind: type[BaseException], error: BaseException | None, trace: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    exc_info = (kind, error if error is not None else kind(), trace)
    structlog.get_logger().critical("crashed", exc_info=exc_info)


class _Stderr:
    """Where lines go. A line that cannot be written is lost, and nothing else is."""

    def __init__(self, *_: object) -> None:
        """The logger's name is not used."""

    def msg(self, line: str) -> None:
        try:
            sys.stderr.write(line + "\n")
            sys.stderr.flush()
        except (OSError, ValueError):
            return

    debug = info = warning = error = critical = exception = fatal = msg


class _StandardHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
        except Exception:
            # the standard answer prints the record's arguments as they are
            structlog.get_logger().error("log_record_unreadable", logger=record.name)
        else:
            _Stderr().msg(line)
