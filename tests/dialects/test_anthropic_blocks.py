"""What stands in the messages of an Anthropic body beside text, and what it weighs."""

from __future__ import annotations

from typing import Any

import pytest

from tollhouse.dialects.anthropic_blocks import Weight, weigh

LINKED = {"type": "image", "source": {"type": "url", "url": "https://example.com/x.png"}}


@pytest.mark.parametrize(
    ("blocks", "weight"),
    [
        ([{"type": "text", "text": "x"}], Weight()),
        ([{"type": "container_upload"}], Weight(is_bounded=False)),
        ([{"type": "image", "source": "x"}], Weight(images=1)),
        ([{"type": "image", "source": {"type": "text", "data": "x"}}], Weight(images=1)),
        ([{"type": "image", "source": {"type": "url", "data": "x"}}], Weight(images=1)),
        ([{"type": "image", "source": {"type": "base64", "data": 7}}], Weight(images=1)),
        (
            [{"type": "image", "source": {"type": "file"}}, LINKED],
            Weight(images=2, is_bounded=False),
        ),
        ([{"type": "box", "source": {"content": [LINKED]}}], Weight()),
        ([{"type": "document", "source": {"type": "text", "data": "x"}}], Weight()),
        (
            [{"type": "document", "source": {"type": "content", "content": [LINKED]}}],
            Weight(images=1),
        ),
        (
            [
                {
                    "type": "tool_result",
                    "content": [{"type": "document", "source": {"content": [LINKED]}}],
                }
            ],
            Weight(images=1, documents=1),
        ),
    ],
    ids=str,
)
def test_what_stands_in_messages_is_weighed(blocks: list[dict[str, Any]], weight: Weight) -> None:
    assert weigh([{"role": "user", "content": blocks}]) == weight
