"""Does the client keep a server of the OpenAI protocol busy?

    python benchmarks/llm_client.py [--requests 1000]

A stub in a process of its own answers each chat after a fixed time, as a server with room for all
would. Ideal is concurrency / latency requests per second; told are the rate that was reached, its
share of the ideal, how many requests were under way on average (Little's law) and at most at the
server, and the CPU time of our process per request. Then the same with all answers kept already.
"""

from __future__ import annotations

import argparse
import resource
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from xltpipe.translation import Vllm  # noqa: E402

SETTINGS = [(16, 0.25), (64, 1.0), (64, 0.5), (64, 0.25), (128, 1.0), (256, 2.0)]


def started(port: int, log: Path, latency: float) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.chat_server", str(port), str(log), str(latency)]
    server = subprocess.Popen(command, cwd=ROOT)
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return server


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def timed(spec: Vllm, texts: list[str]) -> tuple[float, float]:
    translator = spec.build("eng", "spa")
    wall, before = time.perf_counter(), cpu()
    done = translator.translate(texts, "eng", "spa")
    if len(done) != len(texts) or any(one.fault for one in done):
        raise SystemExit("every text must have its translation, was: not")
    return time.perf_counter() - wall, cpu() - before


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=1000)
    wanted = parser.parse_args().requests
    head = ("in flight", "latency", "requests", "ideal/s", "got/s", "share", "mean in flight")
    print(" | ".join((*head, "CPU ms/request", "CPU share", "kept: s")))
    for concurrency, latency in SETTINGS:
        number = max(wanted, 8 * concurrency)
        texts = [f"Sentence {n} of the benchmark is here, on its own line." for n in range(number)]
        with socket.socket() as free, tempfile.TemporaryDirectory() as home:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
            free.close()
            server = started(port, Path(home) / "log", latency)
            try:
                cache = Path(home) / "answers"
                url = f"http://127.0.0.1:{port}/v1"
                spec = Vllm(url=url, model="toy", concurrency=concurrency, cache=cache)
                timed(spec, [texts[0] + " Warm up."])
                wall, used = timed(spec, texts)
                again, _ = timed(spec, texts)
                sent = len((Path(home) / "log").read_text().splitlines())
                if sent != number + 1:
                    raise SystemExit(f"each text must be sent once, was: {sent} for {number}")
            finally:
                server.kill()
                server.wait()
        rate, ideal = number / wall, concurrency / latency
        cells = (
            f"{concurrency}",
            f"{latency:g} s",
            f"{number}",
            f"{ideal:.0f}",
            f"{rate:.0f}",
            f"{rate / ideal:.1%}",
            f"{rate * latency:.1f}",
            f"{1000 * used / number:.2f}",
            f"{used / wall:.0%}",
            f"{again:.2f}",
        )
        print(" | ".join(cells), flush=True)


if __name__ == "__main__":
    main()
