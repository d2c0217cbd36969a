"""For scripts that run inside the jail: sockets that know nothing of proxies, and the proxy's own address."""
import os
import socket
import ssl
import urllib.parse


def proxy():
    url = urllib.parse.urlsplit(os.environ["http_proxy"])
    return url.hostname, url.port


def plain(host, port, family=socket.AF_UNSPEC):
    """Straight to the name, as a program does that never heard of proxies."""
    *_, address = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)[0]
    sock = socket.socket(socket.AF_INET6 if len(address) == 4 else socket.AF_INET, socket.SOCK_STREAM)
    sock.settimeout(30)
    sock.connect(address)
    return sock


def secure(sock, host):
    return ssl.create_default_context().wrap_socket(sock, server_hostname=host)


def tls(host, port, family=socket.AF_UNSPEC):
    return secure(plain(host, port, family), host)


def connect(host, port):
    """A CONNECT tunnel; raises with the proxy's answer when it is refused."""
    sock = socket.create_connection(proxy(), 30)
    sock.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        data = sock.recv(1)
        if not data:
            break
        answer += data
    if not answer.startswith(b"HTTP/1.1 200"):
        raise ConnectionError(answer.decode())
    return sock


def get(host, path="/", method="GET", headers=""):
    return f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n".encode()


def everything(sock):
    """Until the end."""
    data = b""
    while True:
        piece = sock.recv(65536)
        if not piece:
            return data
        data += piece


def response(sock, buffer=b""):
    """One response with a Content-Length (or none): status, headers, body, bytes that came after it."""
    while b"\r\n\r\n" not in buffer:
        piece = sock.recv(65536)
        if not piece:
            raise EOFError(buffer)
        buffer += piece
    head, buffer = buffer.split(b"\r\n\r\n", 1)
    lines = head.decode("latin-1").split("\r\n")
    headers = {}
    for line in lines[1:]:
        name, value = line.split(":", 1)
        headers[name.lower()] = value.strip()
    length = int(headers.get("content-length", 0))
    buffer = bytearray(buffer)
    while len(buffer) < length:
        piece = sock.recv(65536)
        if not piece:
            raise EOFError(bytes(buffer))
        buffer += piece
    buffer = bytes(buffer)
    return int(lines[0].split(" ")[1]), headers, buffer[:length], buffer[length:]
