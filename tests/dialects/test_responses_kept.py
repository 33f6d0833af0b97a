from __future__ import annotations

from tollhouse.dialects.responses_kept import at_home, within
from tollhouse.domain.homes import Thought


def test_only_texts_that_say_something_were_encrypted() -> None:
    items = [{"encrypted_content": given} for given in ("a", "", None, 7, ["b"], "c", "a")]

    assert within([*items, {}]) == ("a", "c")


def test_what_is_no_text_stays_with_what_follows_a_thought_that_is_left_behind() -> None:
    made_up = b'{"type":"reasoning","id":"a","encrypted_content":7}'
    theirs = b'{"type":"reasoning","id":"b","encrypted_content":"theirs"}'

    said = at_home(b"[%b,%b]" % (made_up, theirs), {"theirs": Thought("other", "x")}, "ours")

    assert said == b'[{"type":"reasoning","encrypted_content":7}]'
