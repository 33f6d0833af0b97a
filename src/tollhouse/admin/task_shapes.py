"""The shapes of all other tasks: texts, vectors, images, recordings."""

from __future__ import annotations

from tollhouse.admin.shape import LARGEST_WHOLE, TEXT, WHOLE_ONLY, Node, Shape, bodied, many, whole
from tollhouse.dialects.openai_chat import MOST_CHOICES
from tollhouse.dialects.openai_embeddings import FORMATS, MOST_DIMENSIONS
from tollhouse.dialects.openai_hearing import FORMATS as FORMATS_HEARD
from tollhouse.dialects.openai_images import MOST_IMAGES, QUALITY, SIZE
from tollhouse.dialects.openai_inputs import LARGEST_TOKEN
from tollhouse.dialects.openai_retouching import COUNTS
from tollhouse.dialects.openai_speech import MEDIA
from tollhouse.dialects.rerank import MOST_DOCUMENTS

_TOKENS = {
    "type": "array",
    "minItems": 1,
    "items": {"type": "integer", "minimum": 0, "maximum": LARGEST_TOKEN},
}
_INPUTS = {"anyOf": [TEXT, _TOKENS, many(TEXT), many(_TOKENS)]}
COMPLETIONS = Shape(
    "OpenAI's legacy completions, streamed or whole.",
    answers={"application/json": {"type": "object"}, "text/event-stream": None},
    body=bodied(
        ["model", "prompt"],
        model=TEXT,
        prompt=_INPUTS,
        stream={"type": ["boolean", "null"]},
        n=whole(MOST_CHOICES),
        max_tokens=whole(LARGEST_WHOLE),
    ),
)
EMBEDDINGS = Shape(
    "OpenAI embeddings of texts or tokens.",
    answers={"application/json": {"type": "object", "required": ["data"]}},
    body=bodied(
        ["model", "input"],
        model=TEXT,
        input=_INPUTS,
        encoding_format={"enum": [*FORMATS]},
        dimensions=whole(MOST_DIMENSIONS),
        stream=WHOLE_ONLY,
    ),
)
MODERATIONS = Shape(
    "OpenAI moderations of texts and images.",
    answers={"application/json": {"type": "object", "required": ["results"]}},
    body=bodied(
        ["input"],
        model={"type": ["string", "null"], "minLength": 1},
        input={"anyOf": [TEXT, many({"type": "string"}), many({"type": "object"})]},
        stream=WHOLE_ONLY,
    ),
)
_DOCUMENT = {
    "anyOf": [
        {"type": "string"},
        {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}},
    ]
}
RERANK = Shape(
    "Documents, sorted by a query.",
    answers={"application/json": {"type": "object", "required": ["results"]}},
    body=bodied(
        ["model", "query", "documents"],
        model=TEXT,
        query=TEXT,
        documents=many(_DOCUMENT, MOST_DOCUMENTS),
        top_n=whole(MOST_DOCUMENTS),
        stream=WHOLE_ONLY,
    ),
)
IMAGES = Shape(
    "OpenAI's image generation.",
    answers={"application/json": {"type": "object", "required": ["data"]}},
    body=bodied(
        ["model", "prompt"],
        model=TEXT,
        prompt=TEXT,
        n=whole(MOST_IMAGES),
        size={"type": ["string", "null"], "pattern": f"^({SIZE.pattern})$"},
        quality={"type": ["string", "null"], "pattern": f"^{QUALITY.pattern}$"},
        stream=WHOLE_ONLY,
    ),
)
SPEECH = Shape(
    "OpenAI's speech: a text, spoken.",
    answers={media.decode(): None for media in MEDIA.values()},
    body=bodied(
        ["model", "input"],
        model=TEXT,
        input=TEXT,
        response_format={"enum": [None, *MEDIA]},
        stream_format={"enum": [None, "audio"]},
    ),
)
_HEARING = bodied(
    ["model", "file"],
    model=TEXT,
    file={"type": "string", "format": "binary", "minLength": 1},
    response_format={"enum": [*FORMATS_HEARD]},
)
TRANSCRIPTIONS = Shape(
    "OpenAI's transcriptions: a recording, written down.",
    answers={
        "application/json": {"type": "object"},
        "text/plain": None,
        "text/event-stream": None,
    },
    body={
        **_HEARING,
        "properties": {**_HEARING["properties"], "stream": {"enum": ["true", "false"]}},
    },
)
TRANSLATIONS = Shape(
    "OpenAI's translations: a recording, written down in English.",
    answers={"application/json": {"type": "object"}, "text/plain": None},
    body={**_HEARING, "properties": {**_HEARING["properties"], "stream": {"enum": ["false"]}}},
)
_RETOUCHED: dict[str, Node] = {
    "model": TEXT,
    "image": {"type": "string", "format": "binary"},
    "n": {"enum": sorted(COUNTS, key=int)},
    "size": {"type": "string", "pattern": f"^({SIZE.pattern})$"},
    "quality": {"type": "string", "pattern": f"^{QUALITY.pattern}$"},
    "stream": {"enum": ["false"]},
}
EDITS = Shape(
    "OpenAI's edits of images, by a text.",
    answers={"application/json": {"type": "object", "required": ["data"]}},
    body=bodied(["model", "image", "prompt"], prompt=TEXT, **_RETOUCHED),
)
VARIATIONS = Shape(
    "OpenAI's variations of an image.",
    answers={"application/json": {"type": "object", "required": ["data"]}},
    body=bodied(["model", "image"], **_RETOUCHED),
)
