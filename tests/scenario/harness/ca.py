"""A CA for tests, and certificates that are right or wrong in one chosen way."""
import datetime
import ipaddress
import pathlib
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _alternative(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


class CA:
    """Issues into a folder of its own; `pem` is what --upstream-ca wants."""

    def __init__(self, folder, name="Scenario CA", constraints=None):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.subject = _name(name)
        self.issued = 0
        builder = self._builder(self.subject, self.key.public_key(), days=(-1, 30))
        builder = builder.add_extension(x509.BasicConstraints(True, 0), critical=True)
        builder = builder.add_extension(self._usage(ca=True), critical=True)
        if constraints is not None:
            builder = builder.add_extension(constraints, critical=True)
        self.cert = builder.sign(self.key, hashes.SHA256())
        self.pem = self.folder / "ca.pem"
        self.pem.write_bytes(self.cert.public_bytes(serialization.Encoding.PEM))
        self.pem.chmod(0o644)

    @staticmethod
    def _usage(ca):
        return x509.KeyUsage(digital_signature=not ca, key_cert_sign=ca, crl_sign=ca, content_commitment=False,
                             key_encipherment=False, data_encipherment=False, key_agreement=False,
                             encipher_only=False, decipher_only=False)

    def _builder(self, subject, public_key, days):
        now = datetime.datetime.utcnow()
        return (x509.CertificateBuilder()
                .subject_name(subject)
                .issuer_name(self.subject)
                .public_key(public_key)
                .serial_number(x509.random_serial_number())
                .not_valid_before(now + datetime.timedelta(days=days[0]))
                .not_valid_after(now + datetime.timedelta(days=days[1]))
                .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
                .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()),
                               critical=False))

    def issue(self, *names, days=(-1, 20), usage=ExtendedKeyUsageOID.SERVER_AUTH):
        """A leaf for these names; returns the path of a PEM file with chain and key."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(_name(names[0]), key.public_key(), days)
        builder = (builder
                   .add_extension(x509.SubjectAlternativeName([_alternative(name) for name in names]),
                                  critical=False)
                   .add_extension(x509.BasicConstraints(False, None), critical=True)
                   .add_extension(self._usage(ca=False), critical=True)
                   .add_extension(x509.ExtendedKeyUsage([usage]), critical=False))
        cert = builder.sign(self.key, hashes.SHA256())
        self.issued += 1
        path = self.folder / f"leaf{self.issued}.pem"
        path.write_bytes(cert.public_bytes(serialization.Encoding.PEM) +
                         key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                           serialization.NoEncryption()))
        return path

    def server_context(self, *names, days=(-1, 20)):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.issue(*names, days=days))
        context.set_alpn_protocols(["http/1.1"])
        return context
