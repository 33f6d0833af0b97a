"""What the dialects of forms read in the same way."""

from __future__ import annotations

from tollhouse.dialects import fields
from tollhouse.domain.errors import FieldInvalid, FieldRefused
from tollhouse.domain.forms import Form

FLAGS = {None: False, "": False, "false": False, "true": True, "False": False, "True": True}


def model(form: Form) -> str:
    """Raises a Refusal, also for what is not taken from callers."""
    if refused := form.names & fields.REFUSED:
        raise FieldRefused(f"`{min(refused)}` is not taken from callers.", param=min(refused))
    name = form.text("model")
    if not name or not name.isprintable() or form.boundary.decode() in name:
        raise FieldInvalid("`model` must be the name of a model.", param="model")
    return name


def flag(form: Form, name: str) -> bool:
    wished = form.text(name)
    if wished not in FLAGS:
        raise FieldInvalid(f"`{name}` must be true or false.", param=name)
    return FLAGS[wished]


def never_streams(form: Form) -> None:
    if flag(form, "stream"):
        raise FieldInvalid("This path answers in one piece: leave `stream` out.", param="stream")


def text_bytes(form: Form) -> int:
    return sum(part.size for part in form.parts if not part.is_file)
