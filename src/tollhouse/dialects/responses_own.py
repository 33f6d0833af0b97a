"""What a provider calls by its own names in an answer of Responses, called by ours.

The model bears the name that it was asked by, and ids of what is kept are sealed: one for an answer,
from its beginning to its end.
"""

from __future__ import annotations

from collections.abc import Callable

from tollhouse.dialects import strict_json
from tollhouse.dialects.naming import AskedName
from tollhouse.domain.errors import UpstreamBroke
from tollhouse.domain.models import PREVIOUS

LONGEST_ID = 512


class OwnNames:
    def __init__(self, model: str, previous: str | None, seal: Callable[[str], str]) -> None:
        self._model = AskedName(model)
        self._previous = strict_json.encode(previous)
        self._seal = seal
        self._id: bytes | None = None

    def put(self, response: bytes, known_as: str | None) -> bytes:
        """The same response; every member but these keeps its bytes."""
        members = strict_json.members(response)
        if "model" in members:
            response = self._model.put(response, bytes(members["model"]))
        own = {"id": self._sealed(known_as)} if known_as is not None else {}
        if bytes(members.get(PREVIOUS, b"null")) != b"null":
            own[PREVIOUS] = self._previous
        if all(bytes(members[name]) == value for name, value in own.items()):
            return response
        return strict_json.join({**strict_json.members(response), **own})

    def _sealed(self, known_as: str) -> bytes:
        if len(known_as) > LONGEST_ID:
            raise UpstreamBroke(private="the id of the answer is longer than 512 characters")
        if self._id is None:
            self._id = strict_json.encode(self._seal(known_as))
        return self._id
