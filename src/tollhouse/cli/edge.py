"""The edge: whatever goes wrong beneath becomes one clear line, and an exit status.

0 done, 1 refused or failed, 2 not understood.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import NoReturn

TRACEBACK = "TOLLHOUSE_TRACEBACK"


def guarded(program: Callable[[], object]) -> NoReturn:
    try:
        program()
    except Exception as error:
        if os.environ.get(TRACEBACK):
            raise
        print(f"tollhouse: {said(error)}", file=sys.stderr)
        sys.exit(1)
    sys.exit(0)


def said(error: Exception) -> str:
    """The code and what happened. `private` shows here: an operator reads it, not a caller."""
    from tollhouse.config import ConfigInvalid
    from tollhouse.domain.errors import Problem
    from tollhouse.domain.storing import Conflict, SchemaTooNew, SchemaTooOld

    match error:
        case ConfigInvalid():
            return f"config_invalid: {error.render()}"
        case Problem():
            private = f" ({error.private})" if error.private else ""
            return f"{error.code}: {error.detail}{private}"
        case Conflict():
            return f"conflict: {error}"
        case SchemaTooOld() | SchemaTooNew():
            return f"schema: {error}"
        case OSError():
            return f"os_error: {error}"
        case _:
            return f"internal: {type(error).__name__}: {error} (set {TRACEBACK}=1 to see where)"
