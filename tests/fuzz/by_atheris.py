"""One target under atheris, which follows the code: it keeps what reaches a branch for the first time.

python -m fuzz.by_atheris TARGET SECONDS      look for an input that breaks it
python -m fuzz.by_atheris TARGET merge DIR    put the fewest inputs that reach all of it into DIR
"""

from __future__ import annotations

import sys
from hashlib import sha256

import atheris

with atheris.instrument_imports(include=["tollhouse"]):
    from fuzz.targets import CRASHES, GROWN, TARGETS, corpus


def main(name: str, seconds: str) -> None:
    target = TARGETS[name]
    grown, words = GROWN / name, GROWN / f"{name}.words"
    grown.mkdir(parents=True, exist_ok=True)
    CRASHES.mkdir(parents=True, exist_ok=True)
    words.write_text("".join(map(_quoted, target.words)))
    for data in corpus(name):
        (grown / sha256(data).hexdigest()[:16]).write_bytes(data)
    options = [
        *(f"-max_total_time={seconds}", f"-max_len={target.most_bytes}", f"-dict={words}"),
        *(f"-artifact_prefix={CRASHES}/{name}-", "-timeout=20", "-rss_limit_mb=2000"),
    ]
    atheris.Setup([sys.argv[0], *options, str(grown)], target.run)
    atheris.Fuzz()


def _quoted(word: bytes) -> str:
    return '"' + "".join(f"\\x{byte:02x}" for byte in word) + '"\n'


main(*sys.argv[1:])
