"""Callers without haste, in a process of their own: `python slow_crowd.py PORT KEY SIZE`.

So many send a head, so many send a body, and so many read an answer, a byte a second each. Each
kind has an address of its own. Says `there` once all are connected, and `gone` once all were cut off.
"""

from __future__ import annotations

import resource
import socket
import sys
import time
from contextlib import suppress

TURN_S = 1.0
APART_S = 0.004
BODY = b'{"model":"m","stream":true,"messages":[{"role":"user","content":"hello"}]}'


def main(port: int, key: bytes, size: int) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    head = (
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n"
        b"content-type: application/json\r\nauthorization: Bearer " + key + b"\r\n"
    )
    heads, bodies, readers = [], [], []
    for _ in range(size):
        heads.append(_connected(port, "127.0.0.2", head))
        bodies.append(_connected(port, "127.0.0.3", head + b"content-length: 1000\r\n\r\n{"))
        asked = head + b"content-length: %d\r\n\r\n%b" % (len(BODY), BODY)
        readers.append(_connected(port, "127.0.0.4", asked))
        time.sleep(APART_S)
    _say("there")
    while heads or bodies or readers:
        time.sleep(TURN_S)
        heads = [one for one in heads if _is_open(one, b"x: y\r\n")]
        bodies = [one for one in bodies if _is_open(one, b" ")]
        readers = [one for one in readers if _is_open(one, b"")]
    _say("gone")


def _say(word: str) -> None:
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


def _connected(port: int, address: str, said: bytes) -> socket.socket:
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    one.bind((address, 0))
    one.connect(("127.0.0.1", port))
    one.sendall(said)
    one.setblocking(False)
    return one


def _is_open(one: socket.socket, drop: bytes) -> bool:
    """After a drop was sent, or a byte was read. What came before a reset could still be read."""
    is_cut = one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0
    with suppress(BlockingIOError):
        try:
            if drop:
                one.send(drop)
            is_cut = is_cut or not one.recv(1)
        except ConnectionError:
            is_cut = True
    if is_cut:
        one.close()
    return not is_cut


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2].encode(), int(sys.argv[3]))
