"""The URL Standard's reading of an http or https URL, for what is ASCII: the second reader that the gateway's
canonical form is held against. Written from the standard's own state names (url.spec.whatwg.org, 4.4 and
3.5); the test first proves it on every case of the standard's suite that it can read. Not done: IDNA, so a
host that is not ASCII or has a label in "xn--" is only mapped to lower case.
"""
import collections
import re

Url = collections.namedtuple("Url", "scheme host port path query userinfo fragment")
PORTS = {"http": 80, "https": 443}
FORBIDDEN_HOST = set("\0\t\n\r #/:<>?@[\\]^|%\x7f") | {chr(c) for c in range(0x20)}
PATH_SET = set(" \"#<>?^`{}")
QUERY_SET = set(" \"#<>'")


class Failure(ValueError):
    """The standard returns failure."""


def encode(text, more):
    return "".join(c if 0x20 <= ord(c) < 0x7f and c not in more else
                   "".join(f"%{b:02X}" for b in c.encode("utf-8", "surrogatepass")) for c in text)


def decode(text):
    return re.sub(rb"%([0-9a-fA-F]{2})", lambda m: bytes([int(m[1], 16)]),
                  text.encode("utf-8", "surrogatepass"))


def number(part):
    """An IPv4 part: decimal, octal with a 0 before it, hexadecimal with 0x."""
    base, digits = 10, part
    if part[:2] in ("0x", "0X"):
        base, digits = 16, part[2:]
    elif len(part) >= 2 and part[0] == "0":
        base, digits = 8, part[1:]
    if not digits:
        return 0 if part else None
    allowed = "0123456789abcdef"[:base]
    return int(digits, base) if all(c in allowed for c in digits.lower()) else None


def ipv4(host):
    parts = host.split(".")
    if parts[-1] == "" and len(parts) > 1:
        parts.pop()
    last = parts[-1]
    if not (last and all(c in "0123456789" for c in last)) and number(last) is None:
        return None
    numbers = [number(p) for p in parts]
    if len(parts) > 4 or None in numbers or any(n > 255 for n in numbers[:-1]):
        raise Failure("IPv4")
    if numbers[-1] >= 256 ** (5 - len(numbers)):
        raise Failure("IPv4")
    value = numbers[-1] + sum(n << 8 * (3 - i) for i, n in enumerate(numbers[:-1]))
    return ".".join(str(value >> s & 255) for s in (24, 16, 8, 0))


def pieces6(text):
    if not text:
        return []
    out = []
    parts = text.split(":")
    for i, part in enumerate(parts):
        if "." in part and i == len(parts) - 1:
            quad = part.split(".")
            if len(quad) != 4 or not all(re.fullmatch(r"0|[1-9][0-9]{0,2}", q) and int(q) < 256
                                         for q in quad):
                raise Failure("IPv6")
            out += [int(quad[0]) << 8 | int(quad[1]), int(quad[2]) << 8 | int(quad[3])]
        elif re.fullmatch(r"[0-9a-fA-F]{1,4}", part):
            out.append(int(part, 16))
        else:
            raise Failure("IPv6")
    return out


def ipv6(text):
    left, gap, right = text.partition("::")
    head, tail = pieces6(left), pieces6(right)
    if "." in left and gap or (len(head) + len(tail) > 7 if gap else len(head) != 8):
        raise Failure("IPv6")
    groups = head + [0] * (8 - len(head) - len(tail)) + tail
    runs = [(len(m[0]) // 2, m.start() // 2) for m in
            re.finditer(r"(?:0,){2,}", "".join("0," if g == 0 else "x," for g in groups))]
    if not runs:
        return "[" + ":".join(f"{g:x}" for g in groups) + "]"
    size, at = max(runs, key=lambda r: (r[0], -r[1]))
    return ("[" + ":".join(f"{g:x}" for g in groups[:at]) + "::" +
            ":".join(f"{g:x}" for g in groups[at + size:]) + "]")


def host_of(text):
    if text[:1] == "[":
        if text[-1:] != "]":
            raise Failure("host")
        return ipv6(text[1:-1])
    try:
        name = decode(text).decode("ascii").lower()
    except UnicodeDecodeError:
        raise Failure("host: not ASCII") from None
    if not name or FORBIDDEN_HOST & set(name):
        raise Failure("host")
    return ipv4(name) or name


def path_of(text):
    out, parts = [], re.split(r"[/\\]", text)
    for i, part in enumerate(parts):
        dots, last = part.lower().replace("%2e", "."), i == len(parts) - 1
        if dots == "..":
            out = out[:-1]
        elif dots != ".":
            out.append(encode(part, PATH_SET))
        if dots in (".", "..") and last:
            out.append("")
    return "/" + "/".join(out)


def read(text):
    """An absolute http or https URL; None for every other scheme and for what needs a base."""
    text = re.sub(r"[\t\n\r]", "", re.sub(r"^[\x00-\x20]+|[\x00-\x20]+$", "", text))
    match = re.match(r"(https?):([/\\]*)([^/\\?#]*)([^?#]*)(\?[^#]*)?(#.*)?$", text, re.I | re.S)
    if not match:
        return None
    scheme = match[1].lower()
    userinfo, at, rest = match[3].rpartition("@")
    host, colon, port = re.fullmatch(r"(\[[^\]]*\]?[^:]*|[^:]*)(:?)(.*)", rest, re.S).groups()
    if not re.fullmatch(r"[0-9]*", port) or int(port or "0") > 65535:
        raise Failure("port")
    return Url(scheme, host_of(host), int(port) if port else PORTS[scheme], path_of(match[4][1:]),
               encode((match[5] or "?")[1:], QUERY_SET) if match[5] else None, bool(at), match[6])
