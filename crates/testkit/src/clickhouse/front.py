"""An HTTP front over the ClickHouse engine (chdb): the part of a server's interface that clients use.

usage: front.py PORT DATA_FOLDER   (user and password in WARDEN_FRONT_USER and WARDEN_FRONT_PASSWORD)

One engine, one lock around it: requests wait for each other, faults do not. `/fault` makes the next inserts fail in a
given way; what an insert is, its body tells: only inserts come with their statement in the query string.
"""

import os
import re
import socket
import struct
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

import lz4.block
from chdb import session

# What of the query string is no setting.
PARAMETERS = {"query", "default_format", "database", "decompress", "role", "query_id", "session_id", "compress"}
# chdb differs from a server here.
SERVER_SETTINGS = {"async_insert": "0", "insert_deduplicate": "1"}
CHECKSUM, HEADER, LZ4 = 16, 9, 0x82
ERROR_CODE = re.compile(r"Code: (\d+)\.")
NAME = re.compile(r"\A\w+\Z")
STATUS = {60: 404, 81: 404, 62: 400, 193: 403, 497: 403, 516: 403}


class Refusal(Exception):
    """What the engine, or this front in its place, says no with."""

    def __init__(self, text):
        super().__init__(text)
        found = ERROR_CODE.search(text)
        self.code = int(found.group(1)) if found else 1002


class Incomplete(Exception):
    """A body that ends before its end, or is none of ours."""


class Engine:
    """The one session and the lock around it."""

    def __init__(self, folder):
        self.folder = folder
        self.lock = threading.Lock()
        self.session = session.Session(os.path.join(folder, "data"))
        for name, value in SERVER_SETTINGS.items():
            self._run(f"SET {name} = '{value}'")

    def query(self, sql, answer_format, database, settings):
        with self.lock:
            self._run(f"USE {quoted(database)}")
            changed = []
            try:
                for name, value in settings.items():
                    self._run(f"SET {checked(name)} = {text(value)}")
                    changed.append(name)
                return self._run(sql, answer_format)
            finally:
                for name in changed:
                    default = SERVER_SETTINGS.get(name)
                    self._run(f"SET {name} = " + (f"'{default}'" if default else "DEFAULT"))

    def insert(self, sql, file, database, settings):
        """The statement's FORMAT goes behind the file that holds the body."""
        head, form = sql.rsplit(" FORMAT ", 1)
        return self.query(f"{head} FROM INFILE {text(file)} FORMAT {form}", "TSV", database, settings)

    def _run(self, sql, answer_format="TSV"):
        try:
            return self.session.query(sql, answer_format).bytes() or b""
        except Exception as error:  # the engine has one kind of exception for everything
            raise Refusal(str(error)) from None


class Fault:
    """What happens to the next inserts."""

    def __init__(self):
        self.lock = threading.Lock()
        self.kind, self.after, self.times = "", 0, 0

    def set(self, kind, after, times):
        with self.lock:
            self.kind, self.after, self.times = kind, after, times

    def next(self):
        with self.lock:
            if self.after > 0:
                self.after -= 1
                return ""
            if self.times == 0:
                return ""
            self.times -= 1
            return self.kind


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.do_POST()

    def do_POST(self):
        url = urlsplit(self.path)
        parameters = dict(parse_qsl(url.query, keep_blank_values=True))
        if url.path == "/fault":
            self.server.fault.set(parameters["kind"], int(parameters["after"]), int(parameters["times"]))
            return self.answer(200, b"")
        if url.path == "/pid":
            return self.answer(200, str(os.getpid()).encode())
        insert = "query" in parameters and self.command == "POST"
        fault = self.server.fault.next() if insert else ""
        if fault == "cut-before":
            self.rfile.read(64)
            return self.cut()
        with tempfile.NamedTemporaryFile(dir=self.server.engine.folder) as file:
            try:
                size = self.store(file, parameters.get("decompress") == "1")
                if fault == "hang":
                    threading.Event().wait()
                if fault in ("500", "503"):
                    words = b"Code: 252. DB::Exception: Too many parts (300). (TOO_MANY_PARTS)"
                    return self.answer(int(fault), words if fault == "500" else b"upstream is away")
                answer = self.run(parameters, file, insert and size > 0)
            except Refusal as refusal:
                return self.answer(STATUS.get(refusal.code, 500), str(refusal).encode(), refusal.code)
            except Incomplete:
                return self.cut()
        if fault == "cut-after":
            return self.cut()
        self.answer(200, answer)

    def store(self, file, compressed):
        """Writes the body as it comes, and says how long it is."""
        chunks = self.chunks()
        for piece in decompressed(chunks) if compressed else chunks:
            file.write(piece)
        file.flush()
        return file.tell()

    def run(self, parameters, file, insert):
        self.authenticate()
        settings = {name: value for name, value in parameters.items() if name not in PARAMETERS}
        database = parameters.get("database") or "default"
        engine = self.server.engine
        if insert:
            return engine.insert(parameters["query"], file.name, database, settings)
        file.seek(0)
        sql = parameters.get("query", "") + file.read().decode()
        return engine.query(sql, parameters.get("default_format", "TSV"), database, settings)

    def authenticate(self):
        given = self.headers.get("X-ClickHouse-User", "default"), self.headers.get("X-ClickHouse-Key", "")
        if given != self.server.user:
            raise Refusal(
                f"Code: 516. DB::Exception: {given[0]}: Authentication failed: password is incorrect, or there is "
                "no user with such name. (AUTHENTICATION_FAILED)"
            )

    def chunks(self):
        """The pieces of the body; whoever stops before its end is as if he had never asked."""
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            size = int(self.headers.get("Content-Length", 0))
            yield self.whole(self.rfile.read(size), size)
            return
        while size := int(self.whole(self.rfile.readline(), 3).split(b";")[0], 16):
            yield self.whole(self.rfile.read(size), size)
            self.whole(self.rfile.readline(), 2)
        self.whole(self.rfile.readline(), 2)

    @staticmethod
    def whole(piece, size):
        if len(piece) < size:
            raise Incomplete
        return piece

    def answer(self, status, body, code=None):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if code is not None:
            self.send_header("X-ClickHouse-Exception-Code", str(code))
        self.end_headers()
        self.wfile.write(body)

    def cut(self):
        """Ends the connection by a reset, as the end of a process does."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


def decompressed(chunks):
    """The blocks of ClickHouse: checksum, method, both sizes, data."""
    rest = b""
    for chunk in chunks:
        rest, at = rest + chunk if rest else chunk, 0
        while len(rest) >= at + CHECKSUM + HEADER:
            method, packed, size = struct.unpack_from("<BII", rest, at + CHECKSUM)
            end = at + CHECKSUM + packed
            if method != LZ4:
                raise Incomplete
            if len(rest) < end:
                break
            yield lz4.block.decompress(rest[at + CHECKSUM + HEADER : end], uncompressed_size=size)
            at = end
        rest = rest[at:]
    if rest:
        raise Incomplete


def checked(name):
    if not NAME.match(name):
        raise Refusal(f"Code: 115. DB::Exception: Setting {name} is neither a builtin setting. (UNKNOWN_SETTING)")
    return name


def text(value):
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def quoted(name):
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def end_with(parent):
    """A test that is killed cannot end what it started."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def main():
    port, folder = int(sys.argv[1]), sys.argv[2]
    ThreadingHTTPServer.allow_reuse_address = True
    ThreadingHTTPServer.daemon_threads = True
    ThreadingHTTPServer.request_queue_size = 128
    threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.engine, server.fault = Engine(folder), Fault()
    server.user = os.environ.get("WARDEN_FRONT_USER", "default"), os.environ.get("WARDEN_FRONT_PASSWORD", "")
    server.serve_forever()


main()
