"""An origin of which every byte is in the test's hands: a thread a connection, raw sockets, TLS if wanted."""
import collections
import socket
import ssl
import struct
import threading

# Thousands of connections, a thread each.
threading.stack_size(256 * 1024)

Request = collections.namedtuple("Request", "method target version headers")


class Gone(Exception):
    """The other side ended the connection."""


class Connection:
    def __init__(self, sock):
        self.socket = sock
        self.buffer = b""
        self.request = None
        self.keep = True

    # ---- reading

    def more(self, size=65536):
        try:
            data = self.socket.recv(size)
        except (OSError, ValueError) as error:
            raise Gone from error
        if not data:
            raise Gone
        self.buffer += data

    def line(self):
        while b"\r\n" not in self.buffer:
            self.more()
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def exactly(self, size):
        while len(self.buffer) < size:
            self.more()
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def head(self):
        method, target, version = self.line().decode("latin-1").split(" ")
        headers = []
        while True:
            line = self.line()
            if not line:
                break
            name, value = line.decode("latin-1").split(":", 1)
            headers.append((name.lower(), value.strip()))
        self.request = Request(method, target, version, headers)
        return self.request

    def header(self, name):
        return next((value for known, value in self.request.headers if known == name), None)

    def pieces(self):
        """The request's body as it comes."""
        if (self.header("transfer-encoding") or "").lower() == "chunked":
            while True:
                size = int(self.line().split(b";")[0], 16)
                if size == 0:
                    while self.line():
                        pass
                    return
                yield self.exactly(size)
                self.exactly(2)
        left = int(self.header("content-length") or 0)
        while left > 0:
            if not self.buffer:
                self.more()
            piece, self.buffer = self.buffer[:left], self.buffer[left:]
            left -= len(piece)
            yield piece

    def body(self):
        return b"".join(self.pieces())

    # ---- writing

    def send(self, data):
        try:
            self.socket.sendall(data)
        except (OSError, ValueError) as error:
            raise Gone from error

    def reply(self, status=200, body=b"", headers=(), chunked=False, length=None):
        lines = [f"HTTP/1.1 {status} Whatever"]
        lines += [f"{name}: {value}" for name, value in headers]
        if chunked:
            lines.append("Transfer-Encoding: chunked")
        elif status >= 200 and status not in (204, 304):
            lines.append(f"Content-Length: {len(body) if length is None else length}")
        self.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n")
        if self.request is not None and self.request.method == "HEAD":
            return
        if chunked:
            self.chunk(body)
            self.send(b"0\r\n\r\n")
        else:
            self.send(body)

    def chunk(self, data):
        if data:
            self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def reset(self):
        """RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.keep = False
        # Closing the TLS object would say goodbye first.
        socket.socket(fileno=self.socket.detach()).close()

    def close(self):
        self.keep = False


def hello(conn):
    """What an origin answers when the test has no wish of its own."""
    conn.reply(200, f"hello {conn.request.method} {conn.request.target}\n".encode())


class Origin:
    """
    tls: an ssl.SSLContext, or None for plain HTTP. handler(conn) answers one request whose head has been
    read; raw(conn), where given, gets the connection itself and speaks no HTTP but its own.
    """

    def __init__(self, tls=None, handler=hello, raw=None, host="127.0.0.1"):
        self.tls, self.handler, self.raw = tls, handler, raw
        self.requests = []  # every head that arrived
        self.connections = 0
        self.failures = []  # of handlers: a test that made one has to look
        self._lock = threading.Lock()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.socket(family, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((host, 0))
        self._listener.listen(4096)
        self.host, self.port = host, self._listener.getsockname()[1]
        self._closing = False
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self):
        self._closing = True
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def paths(self):
        return [(request.method, request.target) for request in self.requests]

    def _accept(self):
        while not self._closing:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
            threading.Thread(target=self._connection, args=(sock,), daemon=True).start()

    def _connection(self, sock):
        conn = None
        try:
            sock.settimeout(60)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.tls is not None:
                sock = self.tls.wrap_socket(sock, server_side=True)
            conn = Connection(sock)
            if self.raw is not None:
                self.raw(conn)
            else:
                self._serve(conn)
        except (Gone, ssl.SSLError, ConnectionError, TimeoutError):
            pass
        except Exception as error:  # a fault of the test itself: shown by the fixture
            self.failures.append(error)
        finally:
            self._end(conn.socket if conn is not None else sock)

    def _serve(self, conn):
        while conn.keep:
            request = conn.head()
            with self._lock:
                self.requests.append(request)
            self.handler(conn)

    @staticmethod
    def _end(sock):
        try:
            if isinstance(sock, ssl.SSLSocket):
                sock = sock.unwrap()
        except (OSError, ValueError):
            pass
        try:
            sock.close()
        except OSError:
            pass
