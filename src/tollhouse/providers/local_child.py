"""The process in which the local model lives: `python -m tollhouse.providers.local_child`.

Reads one line of JSON from its input (weights, name, key, port), answers one line with its
port once it can be asked, and lives until its input ends: with the parent, never after it.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from typing import Any
from urllib.parse import urlsplit

SLOTS = 2
CONTEXT_TOKENS = 4096  # shared by the slots: 2048 for each conversation
THREADS = 2
CACHE_MIB = 16
CONNECTIONS = 128  # a thread each, held for as long as the connection is kept open
PR_SET_PDEATHSIG = 1


def main() -> None:
    _die_with_parent()
    answer_fd = _keep_output_to_ourselves()
    order = json.loads(sys.stdin.buffer.readline())
    server = _serve(order)
    port = urlsplit(server.listening_address).port
    os.write(answer_fd, json.dumps({"port": port}).encode() + b"\n")
    sys.stdin.buffer.read()
    os._exit(0)  # not a return: the engine's destructor waits for answers under way


def _serve(order: dict[str, Any]) -> Any:
    # Read once, when the engine loads: threads that spin while idle starve everything beside them.
    os.environ["OMP_WAIT_POLICY"] = "passive"
    import xllamacpp

    params = _params(xllamacpp.CommonParams(), order)
    params.embedding = True
    params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    return xllamacpp.Server(params)


def _params(params: Any, order: dict[str, Any]) -> Any:
    params.model.path = order["weights"]
    params.model_alias = {order["name"]}
    params.api_keys = [order["key"]]
    params.hostnames = ["127.0.0.1"]
    params.port = order["port"]
    _close_doors(params)
    _size(params)
    params.sampling.temp = 0.2  # what the makers of the model recommend
    params.sampling.top_p = 0.9
    return params


def _close_doors(params: Any) -> None:
    """Nothing beside the API: no page in a browser, no other origin, nothing to look around in."""
    params.ui = False
    params.cors_origins = ""
    params.cors_methods = ""
    params.cors_headers = ""
    params.cors_credentials = False
    params.endpoint_slots = False
    params.endpoint_props = False
    params.endpoint_metrics = False
    params.offline = True


def _size(params: Any) -> None:
    params.n_ctx = CONTEXT_TOKENS
    params.n_parallel = SLOTS
    params.n_threads_http = CONNECTIONS
    params.n_batch = 512
    threads = min(THREADS, os.cpu_count() or 1)
    params.cpuparams.n_threads = threads
    params.cpuparams_batch.n_threads = threads
    params.n_gpu_layers = 0
    params.cache_ram_mib = CACHE_MIB
    params.fit_params = False  # it is known to fit
    params.warmup = False  # costs half a second of start and saves nothing on the first answer
    params.verbosity = 1  # errors


def _die_with_parent() -> None:
    """Input that ends is noticed only while Python runs; the kernel's signal also while loading."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _keep_output_to_ourselves() -> int:
    """Whatever the engine prints goes to stderr: on the pipe, the parent reads only our answer."""
    answer_fd = os.dup(1)
    os.dup2(2, 1)
    return answer_fd


if __name__ == "__main__":
    main()
