"""What is measured: the stand-in itself, nginx, the gateway, LiteLLM; how each is started against the stand-in."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from bench import machine
from bench.workloads import KEY, NATIVE

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "bench" / "build"


@dataclass(frozen=True)
class Target:
    """A server that can be loaded."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    started_s: float

    @property
    def measured_pid(self) -> int | None:
        """Whose CPU and memory are read; not the stand-in's, which works for everyone."""
        return None if self.name == "direct" else self.process.pid


@dataclass(frozen=True)
class Scene:
    """Where a run happens."""

    cores: machine.Cores
    folder: Path
    upstream_port: int
    models: tuple[str, ...]
    gateway_command: tuple[str, ...]
    first_request: bytes
    """A small whole request; start is over when it is answered 200."""


def build() -> None:
    """Compiles the stand-in and the generator where they are older than their sources."""
    BUILD.mkdir(exist_ok=True)
    newest = max(source.stat().st_mtime for source in (ROOT / "bench").glob("*.[ch]"))
    for name in ("upstream", "load"):
        made = BUILD / name
        if not made.exists() or made.stat().st_mtime < newest:
            source = ROOT / "bench" / f"{name}.c"
            subprocess.run(
                [os.environ.get("CC", "cc"), "-O2", "-Wall", "-Wextra", "-o", str(made), str(source)], check=True
            )


def start_upstream(core: int, folder: Path) -> Target:
    port = machine.free_port()
    process = machine.start([str(BUILD / "upstream"), str(port)], core, folder / "upstream.log")
    request = b"GET /gaps HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
    machine.wait_until_answered(process, port, request, 5, folder / "upstream.log")
    return Target("direct", port, process, 0.0)


def start_nginx(scene: Scene) -> Target:
    """nginx as the plainest reverse proxy: one worker, no buffering, kept-alive upstream connections."""
    port = machine.free_port()
    configuration = scene.folder / "nginx.conf"
    configuration.write_text(
        NGINX.format(port=port, upstream=scene.upstream_port, folder=scene.folder, user=_nginx_user())
    )
    command = [nginx_path() or "nginx", "-c", str(configuration), "-p", str(scene.folder)]
    log = scene.folder / "nginx.log"
    process = machine.start(command, scene.cores.gateway, log)
    request = b"GET /gaps HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
    return Target("nginx", port, process, machine.wait_until_answered(process, port, request, 10, log))


def nginx_path() -> str | None:
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def _nginx_user() -> str:
    return "user root;" if os.geteuid() == 0 else ""  # else the worker may not enter the temporary folder


NGINX = """{user}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  client_body_temp_path {folder}; proxy_temp_path {folder};
  fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
  client_max_body_size 32m; client_body_buffer_size 1m;
  keepalive_requests 1000000000;
  upstream standin {{ server 127.0.0.1:{upstream}; keepalive 2048; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://standin; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_buffering off; proxy_read_timeout 600s;
    }}
  }}
}}
"""


def start_dragoman(scene: Scene, wrapped_by: tuple[str, ...] = ()) -> Target:
    """The gateway with everything on: keys checked, two channels, one of each dialect, journal and database.

    Contents are not kept, as the others keep none; a large prompt would cost as much again for being compressed.
    """
    port = machine.free_port()
    configuration = scene.folder / "dragoman.toml"
    translated = [model for model in scene.models if not model.endswith(NATIVE)]
    native = [model for model in scene.models if model.endswith(NATIVE)]
    configuration.write_text(
        DRAGOMAN.format(
            key=KEY, data=scene.folder / "data", upstream=scene.upstream_port, translated=translated, native=native
        )
    )
    command = [*(wrapped_by or scene.gateway_command), "--config", str(configuration), "--port", str(port)]
    log = scene.folder / "dragoman.log"
    process = machine.start(command, scene.cores.gateway, log, {"DRAGOMAN_BODIES_DAYS": "0"})
    return Target("dragoman", port, process, machine.wait_until_answered(process, port, scene.first_request, 30, log))


DRAGOMAN = """
[server]
api_keys = ["{key}"]
data_dir = "{data}"

[[channels]]
name = "chat"
provider = "openai-compatible"
base_url = "http://127.0.0.1:{upstream}/v1"
api_key = "upstream-key"
models = {translated}

[[channels]]
name = "native"
provider = "anthropic-compatible"
base_url = "http://127.0.0.1:{upstream}"
api_key = "upstream-key"
models = {native}
"""


def start_litellm(scene: Scene, folder: Path) -> Target:
    """LiteLLM's proxy from the environment in this folder: one worker, no database."""
    port = machine.free_port()
    configuration = scene.folder / "litellm.yaml"
    rows = [
        f"  - model_name: {model}\n    litellm_params: {{model: openai/{model}, api_key: upstream-key, "
        f"api_base: 'http://127.0.0.1:{scene.upstream_port}/v1'}}\n"
        for model in scene.models
        if not model.endswith(NATIVE)
    ]
    # else it would ask the upstream by the Responses API
    by_chat = "litellm_settings: {use_chat_completions_url_for_anthropic_messages: true}\n"
    configuration.write_text(f"model_list:\n{''.join(rows)}general_settings: {{master_key: {KEY}}}\n{by_chat}")
    command = [
        str(folder / "bin" / "litellm"),
        "--config",
        str(configuration),
        "--port",
        str(port),
        "--host",
        "127.0.0.1",
    ]
    log = scene.folder / "litellm.log"
    # both keep it from asking the network for its tables at start
    environment = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
    process = machine.start(command, scene.cores.gateway, log, environment)
    return Target("litellm", port, process, machine.wait_until_answered(process, port, scene.first_request, 90, log))


def default_gateway() -> tuple[str, ...]:
    """This checkout's gateway, run by the interpreter that runs the benchmark."""
    return (sys.executable, "-m", "dragoman")
