"""What a body may say."""

from __future__ import annotations

from tollhouse.domain.errors.problem import Refusal


class FormMalformed(Refusal):
    code = "form_malformed"
    status = 400
    title = "The body is not a form that every reader would take apart in the same way."


class JsonMalformed(Refusal):
    code = "json_malformed"
    status = 400
    title = "The body is not valid JSON."


class JsonDuplicateKey(Refusal):
    code = "json_duplicate_key"
    status = 400
    title = "An object in the body names a member twice."


class JsonTooDeep(Refusal):
    code = "json_too_deep"
    status = 400
    title = "The body is nested more than 64 levels deep."


class JsonTooWide(Refusal):
    code = "json_too_wide"
    status = 400
    title = "The body has more than 10,000 members, or one with a name of more than 256 characters."


class FieldInvalid(Refusal):
    code = "field_invalid"
    status = 400
    title = "A member of the body has the wrong type or is out of range."


class FieldRefused(Refusal):
    code = "field_refused"
    status = 400
    title = "The body has a member that callers may not set."


class NotTranslatable(Refusal):
    code = "not_translatable"
    status = 400
    title = "The model's target speaks another dialect, in which this cannot be said."


class ThreadUnsupported(Refusal):
    code = "thread_unsupported_request"
    status = 400
    title = "This gateway keeps no conversations: send the whole of it, without `thread`."


class UrlNotAllowed(Refusal):
    code = "url_not_allowed"
    status = 400
    title = "A URL in the body leads where this gateway does not go."
