"""Logs: one JSON object a line on stderr, secrets taken out, ours and the libraries' alike.

Environment variables and local variables are never part of a line, not in a crash either.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from tollhouse.telemetry.redaction import redact_named

LEVELS = {name.lower(): number for name, number in logging.getLevelNamesMapping().items() if number}
OURS = "tollhouse"
_MEMBERS = "members"


def configure(level: str = "info") -> None:
    """Send every log line of this process to stderr. Libraries never log below `info`.

    Raises ValueError on an unknown level.
    """
    if level not in LEVELS:
        raise ValueError(f"{level!r} is no log level; one of {', '.join(LEVELS)} is")
    for name in logging.root.manager.loggerDict:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    logging.root.handlers = [_Stderr()]
    logging.root.setLevel(max(LEVELS[level], logging.INFO))
    logging.getLogger(OURS).setLevel(LEVELS[level])
    _adopt_crashes()


def tell(level: int, event: str, /, *, error: BaseException | None = None, **members: Any) -> None:
    """An event of ours. `error` is shown with its traceback."""
    logging.getLogger(OURS).log(level, event, exc_info=error, extra={_MEMBERS: members})


def line(record: logging.LogRecord) -> str:
    told: dict[str, Any] = {
        "event": record.getMessage(),
        "level": record.levelname.lower(),
        "timestamp": f"{datetime.fromtimestamp(record.created, UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
        **getattr(record, _MEMBERS, {"logger": record.name}),
    }
    if record.exc_info:
        told["exception"] = _FORMATTER.formatException(record.exc_info)
    shown = {name: redact_named(name, value) for name, value in told.items()}
    return json.dumps(shown)  # it escapes everything that could end a line


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
    known = error if error is not None else kind()
    tell(logging.CRITICAL, "crashed", error=known.with_traceback(trace))


_FORMATTER = logging.Formatter()


class _Stderr(logging.Handler):
    """A line that cannot be written is lost, and nothing else is."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            said = line(record)
        except Exception:
            # the standard answer prints the record's arguments as they are
            tell(logging.ERROR, "log_record_unreadable", logger=record.name)
            return
        try:
            sys.stderr.write(said + "\n")
            sys.stderr.flush()
        except (OSError, ValueError, AttributeError):  # closed, or there is none
            return
