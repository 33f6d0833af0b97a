"""What is fuzzed: each target takes any bytes and asserts what must hold of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fuzz import (
    answers,
    batches,
    bodies,
    claude,
    coheres,
    converse,
    doors,
    forms,
    geminis,
    heard,
    ollamas,
    responses,
    tasks,
    texts,
)

CORPUS = Path(__file__).with_name("corpus")
CRASHES = Path(".fuzz/crashes")
GROWN = Path(".fuzz/corpus")


@dataclass(frozen=True)
class Target:
    run: Callable[[bytes], None]
    seeds: Sequence[bytes]
    words: Sequence[bytes]
    """What a blind hand would take long to write."""

    most_bytes: int = 4096


JSON_WORDS = (
    *(b'"', b":", b",", b"{", b"}", b"[", b"]", b"null", b"true", b"1e400", b"\\u0061", b"\\ud800", b"NaN", b"-0"),
)  # fmt: skip
CHUNK_WORDS = (
    *(b'"choices"', b'"delta"', b'"error"', b'"usage"', b'"finish_reason"', b'"tool_calls"', b'"name"'),
    *(b'"message"', b'"function"', b'"model"', b"data: ", b"[DONE]", b"\n\n", b"\r\n", b"\r", b"event: ", b": "),
    *(b"id: ", b"\xe2\x80\xa8", b"\xc2\x85"),
)  # fmt: skip
ASK_WORDS = (
    *(b'"model"', b'"messages"', b'"stream"', b'"stream_options"', b'"include_usage"', b'"n"', b'"max_tokens"'),
    *(b'"tools"', b'"functions"', b'"content"', b'"image_url"', b'"api_base"', b'"service_tier"', b'"modalities"'),
)  # fmt: skip
HTTP_WORDS = (
    *(b"HTTP/1.1", b"HTTP/1.0", b"\r\n", b"\r\n\r\n", b"content-length: ", b"transfer-encoding: chunked", b"GET "),
    *(b"POST ", b"host: ", b"connection: ", b"upgrade: ", b"0\r\n\r\n", b"100 Continue", b"204", b"expect: "),
)  # fmt: skip

TARGETS = {
    "strict_json": Target(bodies.strict_json_target, bodies.JSON_SEEDS, JSON_WORDS),
    "openai_ask": Target(bodies.openai_ask_target, bodies.ASK_SEEDS, (*JSON_WORDS, *ASK_WORDS)),
    "sse_relay": Target(
        answers.sse_relay_target, answers.STREAM_SEEDS, (*JSON_WORDS, *CHUNK_WORDS)
    ),
    "whole_answer": Target(
        answers.whole_answer_target, answers.WHOLE_SEEDS, (*JSON_WORDS, *CHUNK_WORDS)
    ),
    "responses_ask": Target(
        responses.responses_ask_target, responses.ASK_SEEDS, (*JSON_WORDS, *responses.WORDS)
    ),
    "responses_relay": Target(
        responses.responses_relay_target, responses.STREAM_SEEDS, (*JSON_WORDS, *responses.WORDS)
    ),
    "responses_translated": Target(
        responses.responses_translated_target,
        responses.STREAM_SEEDS,
        (*JSON_WORDS, *responses.WORDS),
    ),
    "ollama_ask": Target(
        ollamas.ollama_ask_target, ollamas.ASK_SEEDS, (*JSON_WORDS, *ollamas.WORDS)
    ),
    "ollama_lines": Target(
        ollamas.ollama_lines_target, ollamas.LINE_SEEDS, (*JSON_WORDS, *ollamas.WORDS)
    ),
    "gemini_answer": Target(
        geminis.gemini_answer_target, geminis.SEEDS, (*JSON_WORDS, *geminis.WORDS)
    ),
    "anthropic_ask": Target(
        claude.anthropic_ask_target, claude.ASK_SEEDS, (*JSON_WORDS, *claude.ASK_WORDS)
    ),
    "anthropic_stream": Target(
        claude.anthropic_stream_target, claude.STREAM_SEEDS, (*JSON_WORDS, *claude.WORDS)
    ),
    "anthropic_whole": Target(
        claude.anthropic_whole_target, claude.WHOLE_SEEDS, (*JSON_WORDS, *claude.WORDS)
    ),
    "error_text": Target(
        answers.error_text_target, answers.ERROR_SEEDS, (*JSON_WORDS, b'"message"', b"sk-", b"://")
    ),
    "upstream_response": Target(
        answers.upstream_response_target, answers.RESPONSE_SEEDS, HTTP_WORDS
    ),
    "request_head": Target(doors.request_head_target, doors.REQUEST_SEEDS, HTTP_WORDS),
    "form": Target(forms.form_target, forms.FORM_SEEDS, forms.WORDS),
    "batch_line": Target(batches.batch_line_target, batches.LINE_SEEDS, batches.WORDS),
    "batch_result": Target(batches.batch_result_target, batches.RESULT_SEEDS, batches.WORDS),
    "batch_told": Target(batches.batch_told_target, batches.TOLD_SEEDS, batches.WORDS),
    "boundary": Target(forms.boundary_target, forms.BOUNDARY_SEEDS, (b"boundary=", b'"'), 200),
    "header_values": Target(
        doors.header_values_target, doors.FIELD_SEEDS, (b"%2e", b"%2f", b"localhost", b"://"), 400
    ),
    "url": Target(
        texts.url_target,
        texts.URL_SEEDS,
        (b"http://", b"[::1]", b"%25", b"@", b":80", b"xn--"),
        300,
    ),
    "address": Target(
        texts.address_target, texts.ADDRESS_SEEDS, (b"::ffff:", b"64:ff9b::", b"169.254."), 60
    ),
    "credentials": Target(
        texts.credentials_target,
        texts.CREDENTIAL_SEEDS,
        (texts.KEY.encode(), b"Bearer ", b"authorization\n", b"x-api-key\n", b"thk_"),
        400,
    ),
    "config": Target(
        texts.config_target,
        texts.CONFIG_SEEDS,
        (b" = ", b"[server]\n", b'"env:UP_KEY"', b'"file:', b"[[", b"'''", b"1979-05-27"),
        1500,
    ),
    "audit_line": Target(
        texts.audit_line_target, texts.AUDIT_SEEDS, (b',"hash":"', b',"kind":"', b"}\n"), 600
    ),
    "event_frames": Target(
        converse.event_frames_target, converse.FRAME_SEEDS, (b"\0\0\0\x10", b"\7\0")
    ),
    "converse_stream": Target(
        converse.converse_stream_target, converse.BODY_SEEDS, (*JSON_WORDS, *converse.WORDS)
    ),
    "cohere_stream": Target(
        coheres.cohere_stream_target, coheres.SEEDS, (*JSON_WORDS, *coheres.WORDS)
    ),
    "task_ask": Target(tasks.task_ask_target, tasks.ASK_SEEDS, (*JSON_WORDS, *tasks.WORDS)),
    "form_ask": Target(heard.form_ask_target, heard.ASK_SEEDS, heard.ASK_WORDS),
    "heard": Target(heard.heard_target, heard.ANSWER_SEEDS, (*JSON_WORDS, *heard.ANSWER_WORDS)),
    "task_answer": Target(
        tasks.task_answer_target, tasks.ANSWER_SEEDS, (*JSON_WORDS, *tasks.WORDS)
    ),
}


def corpus(name: str) -> list[bytes]:
    """The seeds, and what runs have found worth keeping."""
    kept = sorted((CORPUS / name).glob("*")) if (CORPUS / name).is_dir() else []
    return [*TARGETS[name].seeds, *(path.read_bytes() for path in kept)]
