"""A name server on loopback. Names under .test and .example live at 127.0.0.1 unless told otherwise."""
import ipaddress
import socket
import struct
import threading

A, AAAA = 1, 28
NXDOMAIN = 3
SILENT = object()  # in `names`: no answer at all


class NameServer:
    def __init__(self):
        self.names = {}  # name -> list of addresses, or SILENT
        self.queries = []  # (name, type)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self):
        # Closing alone would not wake recvfrom.
        closer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        closer.sendto(b"", ("127.0.0.1", self.port))
        closer.close()
        self._thread.join()
        self._socket.close()

    def _addresses(self, name):
        if name in self.names:
            return self.names[name]
        return ["127.0.0.1"] if name.endswith((".test", ".example")) else None

    def _serve(self):
        while True:
            query, peer = self._socket.recvfrom(4096)
            if not query:
                return
            answer = self._answer(query)
            if answer is not None:
                self._socket.sendto(answer, peer)

    def _answer(self, query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode())
            at += 1 + query[at]
        wanted, = struct.unpack_from(">H", query, at + 1)
        question = query[12:at + 5]
        name = ".".join(labels).lower()
        self.queries.append((name, wanted))
        addresses = self._addresses(name)
        if addresses is SILENT:
            return None
        answers = []
        for text in addresses or []:
            address = ipaddress.ip_address(text)
            if wanted == (A if address.version == 4 else AAAA):
                data = address.packed
                answers.append(b"\xc0\x0c" + struct.pack(">HHIH", wanted, 1, 1, len(data)) + data)
        flags = 0x8180 | (NXDOMAIN if addresses is None else 0)
        return query[:2] + struct.pack(">HHHHH", flags, 1, len(answers), 0, 0) + question + b"".join(answers)
