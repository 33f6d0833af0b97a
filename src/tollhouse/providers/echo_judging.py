"""Judgements without a model: what says that it is violent is, and what shares words with a query is near it."""

from __future__ import annotations

from typing import Any

import msgspec

CATEGORIES = ("harassment", "hate", "violence")


class Judged(msgspec.Struct):
    model: str
    input: str | list[str | dict[str, Any]]

    @property
    def texts(self) -> list[str]:
        if isinstance(self.input, str):
            return [self.input]
        parts = [each for each in self.input if isinstance(each, dict)]
        if parts:
            return [" ".join(str(part.get("text", "")) for part in parts)]
        return [str(each) for each in self.input]


class Sorted(msgspec.Struct):
    model: str
    query: str
    documents: list[str | dict[str, Any]]
    top_n: int | None = None


def moderations(body: bytes) -> bytes:
    judged = msgspec.json.decode(body, type=Judged)
    results = [_judgement(text.casefold()) for text in judged.texts]
    return msgspec.json.encode({"id": "modr-echo", "model": judged.model, "results": results})


def reranked(body: bytes) -> bytes:
    wish = msgspec.json.decode(body, type=Sorted)
    query = set(wish.query.casefold().split())
    texts = [
        each if isinstance(each, str) else str(each.get("text", "")) for each in wish.documents
    ]
    words = [text.casefold().split() for text in texts]
    results = [
        {"index": index, "relevance_score": len(query & set(each)) / max(len(query), 1)}
        for index, each in enumerate(words)
    ]
    results.sort(key=lambda result: (-result["relevance_score"], result["index"]))
    read = sum(map(len, words)) + len(wish.query.split()) * len(texts)
    return msgspec.json.encode(
        {
            "id": "rerank-echo",
            "model": wish.model,
            "results": results[: wish.top_n],
            "usage": {"prompt_tokens": read, "total_tokens": read},
        }
    )


def _judgement(text: str) -> dict[str, Any]:
    found = {category: category in text for category in CATEGORIES}
    return {
        "flagged": any(found.values()),
        "categories": found,
        "category_scores": {category: float(is_so) for category, is_so in found.items()},
        "category_applied_input_types": {category: ["text"] for category in CATEGORIES},
    }
