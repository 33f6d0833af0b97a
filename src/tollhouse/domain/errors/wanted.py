"""What is asked for."""

from __future__ import annotations

from tollhouse.domain.errors.problem import Refusal


class StateUnknown(Refusal):
    code = "state_unknown"
    status = 404
    title = "There is no such answer here to go on from."


class FileUnknown(Refusal):
    code = "file_unknown"
    status = 404
    title = "There is no such file here."


class BatchUnknown(Refusal):
    code = "batch_unknown"
    status = 404
    title = "There is no such batch here."


class ReceiptUnknown(Refusal):
    code = "receipt_unknown"
    status = 404
    title = "There is no receipt of such a call here."


class ReceiptPending(Refusal):
    code = "receipt_pending"
    status = 409
    title = "The call is not settled yet."
    retryable = True


class FilesNotKept(Refusal):
    code = "files_not_kept"
    status = 501
    title = "No provider that this key's models lead to keeps files here."


class FileHomeUndecided(Refusal):
    code = "file_home_undecided"
    status = 400
    title = "Several providers could keep this file: name a model."


class TooManyFiles(Refusal):
    code = "too_many_files"
    status = 409
    title = "This project has as many files as it may: delete some."


class ModelUnknown(Refusal):
    code = "model_unknown"
    status = 404
    title = "There is no such model here."


class ToolsNotSupported(Refusal):
    code = "model_does_not_support_tools"
    status = 400
    title = "This model cannot call tools."


class UserMismatch(Refusal):
    code = "user_mismatch"
    status = 403
    title = "The body names a user who is not the one of this key."


class ModelNotGranted(Refusal):
    code = "model_not_granted"
    status = 403
    title = "This key may not call this model."


class ModelCannot(Refusal):
    code = "model_cannot"
    status = 400
    title = "This model does not do what the path asks for."
