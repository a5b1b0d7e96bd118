# SPDX-License-Identifier: MIT
"""A local HTTP server without listings that notes what it is asked and misbehaves on request."""
import contextlib
import email.utils
import hashlib
import http.server
import pathlib
import re
import threading


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *words):
        pass

    def do_HEAD(self):
        self.answer(False)

    def do_GET(self):
        self.answer(True)

    def refuse(self, status, body=b"no"):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def answer(self, with_body):
        server = self.server.owner
        path, _, query = self.path.partition("?")
        if server.gone:
            self.close_connection = True
            return None
        server.note(self.command, path, query, self.headers)
        mode = server.mode_of(path)
        if mode == "slow":
            server.release.wait(20)
        if isinstance(mode, int):
            return self.refuse(mode, b"<Error><Code>Some</Code></Error>" * server.error_lines)
        if server.password and self.headers.get("Authorization") != server.password:
            return self.refuse(401)
        file = server.folder / path.lstrip("/")
        if not file.is_file():
            return self.refuse(404)
        self.send(file.read_bytes(), file, mode, with_body)

    def send(self, data, file, mode, with_body):
        wanted = None if mode == "ignored" else self.headers.get("Range")
        status, first, part = 200, 0, data
        if wanted:
            a, z = re.fullmatch(r"bytes=(\d*)-(\d*)", wanted).groups()
            first = max(0, len(data) - int(z)) if a == "" else int(a)
            last = len(data) - 1 if z == "" or a == "" else min(int(z), len(data) - 1)
            if mode == "no suffix" and a == "":
                return self.refuse(400)
            if first >= len(data):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(data)}")
                self.send_header("Content-Length", "0")
                return self.end_headers()
            if mode == "wrong":
                first, last = max(0, first - 7), max(0, last - 7)
            status, part = 206, data[first:last + 1]
        self.send_response(status)
        self.send_header("Content-Length", str(len(part)))
        if mode != "no version":
            self.send_header("ETag", f'"{hashlib.md5(data).hexdigest()}"')
            self.send_header("Last-Modified", email.utils.formatdate(file.stat().st_mtime, usegmt=True))
        if status == 206:
            self.send_header("Content-Range", f"bytes {first}-{first + len(part) - 1}/{len(data)}")
        self.end_headers()
        if with_body:
            self.wfile.write(part[:len(part) // 2] if mode == "truncated" else part)
            if mode == "truncated":
                self.close_connection = True


class Server:
    """modes: regular expressions of paths, and what happens to those; requests: (verb, path, range)."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.modes, self.requests, self.headers, self.queries = {}, [], [], []
        self.password, self.error_lines, self.gone = None, 1, False
        self.lock, self.release = threading.Lock(), threading.Event()
        self.httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.httpd.owner = self
        self.httpd.handle_error = lambda *_: None  # clients may leave
        self.url = f"http://127.0.0.1:{self.httpd.server_address[1]}"
        threading.Thread(target=self.httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def note(self, verb, path, query, headers):
        with self.lock:
            self.requests.append((verb, path, headers.get("Range")))
            self.headers.append(dict(headers))
            self.queries.append(query)

    def mode_of(self, path):
        for pattern, mode in self.modes.items():
            if re.search(pattern, path):
                return mode
        return None

    def forget(self):
        with self.lock:
            self.requests.clear()
            self.headers.clear()
            self.queries.clear()

    def close(self):
        self.gone = True
        self.release.set()
        self.httpd.shutdown()
        self.httpd.server_close()


@contextlib.contextmanager
def served(folder):
    server = Server(folder)
    try:
        yield server
    finally:
        server.close()
