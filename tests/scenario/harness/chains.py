"""Certificate chains for origins, right in everything or wrong in what a test chooses."""
import datetime
import functools
import itertools
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
ANY = x509.ObjectIdentifier("2.5.29.37.0")
MUST_STAPLE = x509.TLSFeature([x509.TLSFeatureType.status_request])
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.55555.1"), b"\x05\x00")


@functools.lru_cache(maxsize=None)
def key_of(kind, number=0):
    """Keys are no secrets here: one for each kind and number."""
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if kind.startswith("rsa"):
        return rsa.generate_private_key(65537, int(kind[3:]))
    return ec.generate_private_key({"p256": ec.SECP256R1, "p224": ec.SECP224R1, "p192": ec.SECP192R1,
                                    "k1": ec.SECP256K1, "brainpool": ec.BrainpoolP256R1}[kind]())


class Made:
    def __init__(self, der, key, issuer):
        self.der, self.key, self.issuer = der, key, issuer
        self.cert = x509.load_der_x509_certificate(der)

    @property
    def pem(self):
        return ssl.DER_cert_to_PEM_cert(self.der)

    def chain(self):
        """From itself to what the root issued: what a server sends."""
        made = self
        while made is not None and (made.issuer is not None or made is self):
            yield made
            made = made.issuer


_numbers = itertools.count(1)


def make(common_name, issuer=None, *, san=(), ca=False, days=(-1, 20), key="p256", hash=hashes.SHA256(), path_len=None,
         sign=None, usage=SERVER, constraints=None, extra=(), v1=False, signed_by=None, basic=True):
    """issuer: None for a self-signed one. san: DNS names. sign: keyUsage digitalSignature (None: the usual). usage: of
    extKeyUsage, None for none. signed_by: another key than the issuer's."""
    own = key_of(key, next(_numbers) if key.startswith("p256") else 0)
    signer = signed_by or (issuer.key if issuer else own)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    now = datetime.datetime.utcnow()
    builder = (x509.CertificateBuilder().subject_name(name).issuer_name(issuer.cert.subject if issuer else name)
               .public_key(own.public_key()).serial_number(x509.random_serial_number())
               .not_valid_before(now + datetime.timedelta(days=days[0])).not_valid_after(now + datetime.timedelta(days=days[1]))
               .add_extension(x509.SubjectKeyIdentifier.from_public_key(own.public_key()), False)
               .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key((issuer.key if issuer else own).public_key()), False)
               .add_extension(x509.KeyUsage(sign if sign is not None else not ca, False, sign is False, False, False, ca, ca, False, False), True))
    if basic:
        builder = builder.add_extension(x509.BasicConstraints(ca, path_len), True)
    if san:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in san]), False)
    if usage and (not ca or usage is not SERVER):
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), False)
    if constraints:
        builder = builder.add_extension(constraints, True)
    for extension in extra:
        builder = builder.add_extension(extension, extension is UNKNOWN)
    der = builder.sign(signer, None if isinstance(signer, ed25519.Ed25519PrivateKey) else hash).public_bytes(serialization.Encoding.DER)
    return Made(as_v1(der, signer) if v1 else der, own, issuer)


# ---- X.509 v1: what no library writes any more


def _take(data):
    """A DER element in front: tag, whole, content, rest."""
    n, start = data[1], 2
    if n & 0x80:
        start += n & 0x7f
        n = int.from_bytes(data[2:start], "big")
    return data[0], data[:start + n], data[start:start + n], data[start + n:]


def _put(tag, content):
    n = len(content)
    length = bytes([n]) if n < 128 else bytes([0x80 | (n.bit_length() + 7) // 8]) + n.to_bytes((n.bit_length() + 7) // 8, "big")
    return bytes([tag]) + length + content


def as_v1(der, signer):
    _, _, content, _ = _take(der)
    _, _, tbs, rest = _take(content)
    _, algorithm, _, _ = _take(rest)
    kept = b""
    while tbs:
        tag, whole, _, tbs = _take(tbs)
        if tag not in (0xa0, 0xa3):  # version, extensions
            kept += whole
    tbs = _put(0x30, kept)
    return _put(0x30, tbs + algorithm + _put(0x03, b"\0" + signer.sign(tbs, ec.ECDSA(hashes.SHA256()))))


# ---- at work


def context(folder, leaf, chain=None, ciphers="DEFAULT:@SECLEVEL=0", highest=None):
    """A server that shows the leaf and these others (all that it has by default), whatever its own library thinks of them."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.set_ciphers(ciphers)
    if highest:
        made.maximum_version = highest
    path = folder / f"chain{next(_numbers)}.pem"
    key = leaf.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_text("".join(m.pem for m in (leaf.chain() if chain is None else chain)) + key.decode())
    made.load_cert_chain(path)
    return made
