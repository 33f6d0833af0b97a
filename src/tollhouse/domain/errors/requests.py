"""What the door turns away."""

from __future__ import annotations

from tollhouse.domain.errors.problem import Refusal


class HttpMalformed(Refusal):
    code = "http_malformed"
    status = 400
    title = "This is not a request that HTTP/1.1 allows, or two readers could read it differently."


class HeadersTooLarge(Refusal):
    code = "headers_too_large"
    status = 431
    title = "The request has more than 100 headers, one above 8 KiB, or more than 32 KiB of them."


class TargetTooLong(Refusal):
    code = "target_too_long"
    status = 414
    title = "The path and query are longer than 8 KiB."


class TargetInvalid(Refusal):
    code = "target_invalid"
    status = 400
    title = "The path is written in a way that another server could read as a different one."


class HostNotAllowed(Refusal):
    code = "host_not_allowed"
    status = 421
    title = "The Host header names another place than this gateway."


class OriginNotAllowed(Refusal):
    code = "origin_not_allowed"
    status = 403
    title = "Web pages of this origin may not call this gateway."


class RequestTimedOut(Refusal):
    code = "request_timed_out"
    status = 408
    title = "The request did not arrive in time."
    retryable = True


class LengthRequired(Refusal):
    code = "length_required"
    status = 411
    title = "This gateway takes bodies with a Content-Length only."


class RouteUnknown(Refusal):
    code = "route_unknown"
    status = 404
    title = "There is no such path here, and nothing is forwarded that is not known."


class MethodNotAllowed(Refusal):
    code = "method_not_allowed"
    status = 405
    title = "This path does not take this method."


class NotOffered(Refusal):
    code = "not_offered"
    status = 501
    title = "Models are pulled, made and deleted by the operator, not through this API."


class MediaTypeUnsupported(Refusal):
    code = "media_type_unsupported"
    status = 415
    title = "The body must be sent as `Content-Type: application/json`, not compressed."


class BodyTooLarge(Refusal):
    code = "body_too_large"
    status = 413
    title = "The body is larger than this path takes."
