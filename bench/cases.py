"""What is measured: each case is work of one kind that the load generator asks for."""
import dataclasses


@dataclasses.dataclass(frozen=True)
class Case:
    title: str
    unit: str                # what one of `done` is counted in
    words: str               # of the load generator
    per: int = 1             # units in one request
    tickets: bool = True     # does the origin give them?
    variants: tuple = ()     # of the gateway and others, besides one worker of each
    without: dict = dataclasses.field(default_factory=dict)  # name: why it is not asked
    once: bool = False       # memory: one round says it
    turns: int = 1           # how often in a round: what moves much
    alone: bool = False      # the gateway beside its variants
    floor: str = ""          # of bench_floor: the same bytes (heads of 150 among them) and handshakes, and no more


SLOW = {"mitmproxy": "tens of times slower than the others: it would take minutes"}
GATEWAY = ("sallyport-durable",)
RULES = ("sallyport-100-rules", "sallyport-1000-rules", "sallyport-10000-rules")
WORKERS = ("sallyport-2-workers", "nginx-2-workers", "haproxy-2-workers")

CASES = {
    "get-1k": Case("kept-alive GET of 1 KiB, 32 in flight", "request",
                   "path=/bytes/1024 connections=32 requests=20000 wait", variants=GATEWAY + RULES + WORKERS,
                   floor="answer=1174 connections=32 requests=20000"),
    "durable": Case("the same, durable beside buffered by turns", "request", "path=/bytes/1024 connections=32 requests=20000 wait",
                    variants=GATEWAY, turns=5, alone=True),
    "get-1k-1": Case("the same, 1 in flight", "request", "path=/bytes/1024 connections=1 requests=5000 wait",
                     variants=GATEWAY, without=SLOW),
    "get-1k-256": Case("the same, 256 in flight", "request", "path=/bytes/1024 connections=256 requests=20000 wait",
                       variants=GATEWAY, without=SLOW),
    "get-1k-1024": Case("the same, 1,024 in flight", "request",
                        "path=/bytes/1024 connections=1024 requests=20000 wait", variants=GATEWAY, without=SLOW),
    "open-1k": Case("GET of 1 KiB at 2,000 a second, however fast the answers come", "request",
                    "path=/bytes/1024 connections=64 rate=2000 requests=4000 wait", variants=GATEWAY),
    "get-64k": Case("kept-alive GET of 64 KiB, 32 in flight", "request",
                    "path=/bytes/65536 connections=32 requests=2000 wait",
                    floor="answer=65686 connections=32 requests=2000"),
    "new-client": Case("new TLS connection to the proxy, the one to the origin kept", "connection",
                       "path=/bytes/1024 connections=8 per-connection=1 requests=600 wait"),
    "new-pair": Case("new TLS connection to the proxy and from it, one GET", "connection pair",
                     "path=/close/bytes/1024 connections=8 per-connection=1 requests=600 wait", tickets=False,
                     variants=GATEWAY, floor="pairs answer=1174 connections=8 requests=600"),
    "new-pair-resumed": Case("the same, resumed", "connection pair",
                             "path=/close/bytes/1024 connections=8 per-connection=1 requests=600 resume wait",
                             without={"squid": "does not resume: each of its connections has tickets of its own"}),
    "bulk-100m": Case("GET of 100 MiB", "MiB", "path=/bytes/104857600 connections=1 requests=2 wait", per=100,
                      floor="answer=104857600 requests=2"),
    "upload-1m": Case("PUT of 1 MiB, 4 in flight", "MiB", "path=/sink upload=1048576 connections=4 requests=100 wait",
                      floor="request=1048576 connections=4 requests=100"),
    "stream-2g": Case("GET of 2 GiB: memory", "MiB", "path=/bytes/2147483648 connections=1 requests=1", per=2048,
                      without={"mitmproxy": "keeps whole bodies in memory, and would take a quarter of an hour"},
                      once=True),
    "idle": Case("connections that asked once and are idle (10,000, or as many as the limit of open files lets be; in a quick run 1,000)", "connection",
                 "path=/bytes/1024 connections=10000 hold", once=True),
}

# A tenth of the work where a proxy is tens of times slower, and of memory where time is short.
FEWER = {"requests=20000": 1000, "requests=4000": 400, "rate=2000": 200, "requests=2000": 200, "requests=600": 60,
         "requests=100": 40, "connections=10000": 1000, "path=/bytes/104857600": "/bytes/10485760"}
QUICK = {"requests=20000": 5000, "requests=4000": 2000, "requests=2000": 500, "requests=600": 200, "requests=5000": 1000,
         "connections=10000": 1000, "path=/bytes/2147483648": "/bytes/268435456"}


def generator_words(case, slow, quick, files):
    """The options of the load generator, and how many units one request is. `files`: how many a process may have open; a
    proxy needs two a connection, for it must be able to ask the origin for each."""
    words, per = case.words.split(), case.per
    for table in [QUICK] * quick + [FEWER] * slow:
        for size, less in (("path=/bytes/2147483648", 8), ("path=/bytes/104857600", 10)):
            per //= less if size in words and size in table else 1
        words = [f"{word.split('=')[0]}={table[word]}" if word in table else word for word in words]
    most = (files - 400) // 2
    words = [f"connections={most}" if word.startswith("connections=") and int(word[12:]) > most else word for word in words]
    return words, per


def asked(case, name, plain):
    """Is this proxy, or variant of one, asked in this case? `plain`: it is no variant."""
    if case.alone and plain and name != "sallyport":
        return False
    return name not in case.without and (plain or name in case.variants)
