"""The configuration of a host's nginx: settings in, text out.

It names no version: which server answers is looked up in `current/` at each request (`routes.py`).
So it changes only where the owner changes a setting. All paths are relative to the folder in which
nginx is started, and nothing that a user may choose freely stands in it.
"""

from __future__ import annotations

import hashlib
from string import Template
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assay.rollout.host.settings import HostSettings

CONTROL = "run/nginx.sock"
"""Where nginx tells of itself; below the folder, so for its owner alone."""
GENERATION = "/generation"
STATUS = "/status"
KEEPALIVE = 20
"""Seconds that a connection stays open with no request on it."""
_SLOTS = 100

# 418 to 420 are no answers: `return` is how a location hands over to a named one. `-f` looks at
# files in the folder: one a slot that is the candidate's, and one that is there before a reload.
# The truth of an answer is for whoever gave that, which only the two themselves know.
# A request that began before a shift and goes on behind it may find no canary.sock: then stable
# answers, as when the candidate fails.
_CONFIG = Template("""\
${user}daemon off;
worker_processes auto;
pid run/nginx.pid;
lock_file run/nginx.lock;
error_log log/nginx-error.log error;
worker_rlimit_nofile 8192;
events {
  worker_connections 4096;
}
http {
  server_tokens off;
  default_type application/octet-stream;
  client_body_temp_path tmp/body;
  proxy_temp_path tmp/proxy;
  fastcgi_temp_path tmp/fastcgi;
  uwsgi_temp_path tmp/uwsgi;
  scgi_temp_path tmp/scgi;
  client_max_body_size ${max_body};
  client_body_buffer_size 128k;
  client_header_timeout 15s;
  client_body_timeout 15s;
  send_timeout 15s;
  keepalive_timeout ${keepalive}s;
  keepalive_requests 100000;
  log_format requests escape=json '{"time":"$$time_iso8601","id":"$$request_id",'
    '"method":"$$request_method","path":"$$uri","status":$$status,"seconds":$$request_time,'
    '"bytes":$$body_bytes_sent,"client":"$$remote_addr","servers":"$$upstream_status"}';
  access_log ${access_log};
  map $$http_x_forwarded_proto $$forwarded_proto {
    "" $$scheme;
    default $$http_x_forwarded_proto;
  }
  split_clients $$request_id $$slot {
${slots}
  }
  proxy_http_version 1.1;
  proxy_next_upstream off;
  proxy_buffer_size 16k;
  proxy_buffers 8 16k;
  proxy_busy_buffers_size 32k;
  proxy_set_header Connection close;
  proxy_set_header Host $$http_host;
  proxy_set_header X-Request-Id $$request_id;
  proxy_set_header X-Real-IP $$remote_addr;
  proxy_set_header X-Forwarded-For $$proxy_add_x_forwarded_for;
  proxy_set_header X-Forwarded-Proto $$forwarded_proto;
  proxy_hide_header X-Request-Id;
  add_header X-Request-Id $$request_id always;
  recursive_error_pages on;
  server {
    listen ${listen};
    proxy_connect_timeout ${timeout};
    proxy_send_timeout ${timeout};
    proxy_read_timeout ${timeout};
    location / {
      error_page 413 = @large;
      error_page 418 = @stable;
      error_page 419 = @canary;
      error_page 420 = @last;
      if (-f run/drain) {
        return 420;
      }
      if (-f current/canary/$$slot) {
        return 419;
      }
      return 418;
    }
    location = /feedback {
      keepalive_timeout 0;
      error_page 404 = @asked;
      error_page 413 = @large;
      error_page 502 = @down;
      error_page 504 = @late;
      proxy_intercept_errors on;
      proxy_pass http://unix:current/stable.sock:$$request_uri;
    }
    location @asked {
      keepalive_timeout 0;
      error_page 502 504 = @unknown;
      proxy_pass http://unix:current/canary.sock:$$request_uri;
    }
    location = /assay {
      return 404;
    }
    location /assay/ {
      return 404;
    }
    location @canary {
      proxy_connect_timeout ${canary_timeout};
      proxy_send_timeout ${canary_timeout};
      proxy_read_timeout ${canary_timeout};
      proxy_intercept_errors on;
      error_page 500 502 503 504 = @stable;
      proxy_pass http://unix:current/canary.sock:$$request_uri;
    }
    location @stable {
      error_page 502 = @down;
      error_page 504 = @late;
      proxy_pass http://unix:current/stable.sock:$$request_uri;
    }
    location @last {
      keepalive_timeout 0;
      error_page 502 = @down;
      error_page 504 = @late;
      proxy_pass http://unix:current/stable.sock:$$request_uri;
    }
    location @unknown {
      default_type application/json;
      return 404 '{"error":"no answer of this id is remembered"}';
    }
    location @large {
      default_type application/json;
      return 413 '{"error":"the request is larger than ${max_body} bytes"}';
    }
    location @down {
      default_type application/json;
      add_header Retry-After 1 always;
      return 503 '{"error":"no version is running; it is started again"}';
    }
    location @late {
      default_type application/json;
      return 504 '{"error":"the model did not answer in time"}';
    }
  }
  server {
    listen unix:${control};
    access_log off;
    location = ${status} {
      stub_status;
    }
    location = ${generation} {
      return 200 "${digest}";
    }
  }
}
""")


def render(settings: HostSettings, *, root: bool) -> str:
    """The text of `nginx.conf`.

    Args:
        settings: The owner's.
        root: Whether nginx is started by root: its workers then stay root's, because nobody else
            may look into the folder.
    """
    values = {
        "user": "user root;\n" if root else "",
        "listen": settings.listen,
        "max_body": settings.max_body,
        "keepalive": KEEPALIVE,
        "timeout": _seconds(settings.timeout),
        "canary_timeout": _seconds(settings.canary_timeout),
        "access_log": "log/access.log requests buffer=64k flush=1s"
        if settings.access_log
        else "off",
        "slots": _slots(),
        "control": CONTROL,
        "status": STATUS,
        "generation": GENERATION,
    }
    digest = hashlib.sha256(_CONFIG.substitute(values, digest="").encode()).hexdigest()
    return _CONFIG.substitute(values, digest=digest)


def generation(text: str) -> str:
    """What nginx answers at `GENERATION` when it works by this configuration."""
    return text.partition('return 200 "')[2].partition('"')[0]


def _seconds(value: float) -> str:
    """As nginx takes them: it knows no fraction of a second, but milliseconds."""
    return f"{max(1, round(value * 1000))}ms"


def _slots() -> str:
    named = [f"    1% {slot:02d};" for slot in range(_SLOTS - 1)]
    return "\n".join([*named, f"    * {_SLOTS - 1:02d};"])
