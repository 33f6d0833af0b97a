"""nginx as a bare reverse proxy: one worker, kept-alive upstream, streams unbuffered, no logs."""

from __future__ import annotations

import os
import shutil
import subprocess

from bench.client import Door
from bench.systems import Place, System
from bench.wire import PATH

_CONFIG = """
{user}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr crit;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    tcp_nodelay on;
    keepalive_requests 100000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    upstream fixed {{
        server 127.0.0.1:{upstream};
        keepalive 256;
        keepalive_requests 100000000;
    }}
    server {{
        listen 127.0.0.1:{port};
        location / {{ proxy_pass http://fixed; }}
        location /stream/ {{ proxy_pass http://fixed/; proxy_buffering off; }}
    }}
}}
"""


def found() -> str | None:
    """/usr/sbin is often not on the path of an ordinary user."""
    return shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def prepared(place: Place, program: str) -> System:
    config = place.folder / "nginx.conf"
    # As root nginx would give its worker another user, who may not enter the folder.
    user = "user root;" if os.geteuid() == 0 else ""
    config.write_text(
        _CONFIG.format(user=user, folder=place.folder, upstream=place.upstream, port=place.port)
    )
    command = (program, "-p", str(place.folder), "-c", str(config), "-e", "stderr")
    door = Door(place.port, stream_path=f"/stream{PATH}")
    return System("nginx", _version(program), door, command)


def _version(program: str) -> str:
    told = subprocess.run([program, "-v"], capture_output=True, text=True, check=True, timeout=10)
    return told.stderr.rpartition("/")[2].strip()
