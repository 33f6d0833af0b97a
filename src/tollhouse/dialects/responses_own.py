"""What a provider calls by its own names in an answer of Responses, called by ours.

The model bears the name that it was asked by, and ids of what is kept are sealed: one for an answer,
from its beginning to its end. What the provider encrypted for itself is marked.
"""

from __future__ import annotations

from tollhouse.dialects import responses_kept, strict_json
from tollhouse.dialects.naming import AskedName
from tollhouse.dialects.openai_events import is_given
from tollhouse.dialects.responses_events import Response
from tollhouse.domain.errors import UpstreamBroke
from tollhouse.domain.models import PREVIOUS
from tollhouse.ports import Keeper

LONGEST_ID = 512


class OwnNames:
    def __init__(self, model: str, previous: str | None, keeper: Keeper) -> None:
        self._model = AskedName(model)
        self._previous = strict_json.Raw(strict_json.encode(previous))
        self._keeper = keeper
        self._id: strict_json.Raw | None = None

    def put_in_item(self, item: bytes) -> bytes:
        """An item with something encrypted."""
        return responses_kept.marked(item, self._keeper.mark)

    def put(self, response: bytes, read: Response) -> bytes:
        """The same response; every member but these keeps its bytes."""
        members = strict_json.members(response)
        if "model" in members:
            response = self._model.put(response, bytes(members["model"]))
        own = {"id": self._sealed(read.id)} if read.id is not None else {}
        if any(is_given(item.encrypted_content) for item in read.output or ()):
            marked = responses_kept.marked_all(bytes(members["output"]), self._keeper.mark)
            own["output"] = strict_json.Raw(marked)
        if bytes(members.get(PREVIOUS, b"null")) != b"null":
            own[PREVIOUS] = self._previous
        if all(members[name] == value for name, value in own.items()):
            return response
        return strict_json.join({**strict_json.members(response), **own})

    def _sealed(self, known_as: str) -> strict_json.Raw:
        if len(known_as) > LONGEST_ID:
            raise UpstreamBroke(private="the id of the answer is longer than 512 characters")
        if self._id is None:
            self._id = strict_json.Raw(strict_json.encode(self._keeper.seal(known_as)))
        return self._id
