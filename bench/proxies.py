"""How each proxy is started: one worker, TLS on both legs, the origin verified, its log written."""
import os
import pwd
import shutil
import socket
import subprocess
import time

import processes


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Proxy:
    """One proxy in front of one origin; `way` is what the generator must do to go through it."""
    way, needs, slow, workers = "proxy", None, False, 1

    def __init__(self, folder, origin_port, options):
        self.folder, self.origin, self.options, self.port = folder, origin_port, options, free_port()
        folder.mkdir()
        folder.chmod(0o755)
        self.said = open(folder / "said", "w")
        argv = self.argv()
        argv[0] = shutil.which(str(argv[0]), path=processes.SBIN)
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=self.said, stderr=self.said, cwd=folder)
        for _ in range(400):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        self.end()
        raise RuntimeError((folder / "said").read_text()[-600:])

    def end(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.said.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Sallyport(Proxy):
    """Everything is read, judged and recorded; the record is on the disk of the bench's folder."""
    durability, rules = "buffered", 10

    def argv(self):
        o = self.options
        rules = [f"allow GET host{i}.example/path{i}/**" for i in range(self.rules - 1)]
        (self.folder / "rules").write_text("\n".join([*rules, f"allow GET,PUT localhost:{self.origin}/** private", ""]))
        subprocess.run([o.program, "ca", "init", "ca"], cwd=self.folder, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        return [o.program, "gateway", "--listen", f"127.0.0.1:{self.port}", "--rules", "rules", "--ca", "ca", "--record",
                "record", "--record-key", "record.key", "--upstream-ca", o.folder / "ca.pem", "--workers",
                str(self.workers), "--durability", self.durability, "--drain", "1"]


class Nginx(Proxy):
    """A reverse proxy with one certificate. The access log is buffered, the upstream kept alive, verified and its
    sessions reused where the origin lets them be; resumption of clients is by tickets, nginx's default."""
    needs, way = "nginx", ""

    def argv(self):
        o = self.options
        (self.folder / "nginx.conf").write_text(f"""
daemon off; worker_processes {self.workers}; worker_rlimit_nofile {o.files}; pid {self.folder}/pid; error_log {self.folder}/error.log;
events {{ worker_connections {o.files}; }}
http {{
    access_log {self.folder}/access.log combined buffer=64k flush=1s;
    client_max_body_size 0; keepalive_requests 1000000000; keepalive_timeout 600s;
    client_body_temp_path {self.folder}/b; proxy_temp_path {self.folder}/p; fastcgi_temp_path {self.folder}/f;
    uwsgi_temp_path {self.folder}/u; scgi_temp_path {self.folder}/s; proxy_request_buffering off; proxy_max_temp_file_size 0;
    upstream origin {{ server 127.0.0.1:{self.origin}; keepalive 1024; keepalive_requests 1000000000; keepalive_timeout 600s; }}
    server {{
        listen 127.0.0.1:{self.port} ssl; server_name localhost;
        ssl_certificate {o.folder}/leaf.pem; ssl_certificate_key {o.folder}/leaf.key; ssl_protocols TLSv1.2 TLSv1.3;
        location / {{
            proxy_pass https://origin; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host;
            proxy_ssl_name localhost; proxy_ssl_server_name on; proxy_ssl_verify on; proxy_ssl_protocols TLSv1.2 TLSv1.3;
            proxy_ssl_trusted_certificate {o.folder}/ca.pem; proxy_ssl_session_reuse on;
        }}
    }}
}}
""")
        return ["nginx", "-c", self.folder / "nginx.conf", "-p", self.folder, "-e", self.folder / "error.log"]


class Haproxy(Proxy):
    """A reverse proxy with one certificate; its log goes to a socket of syslog's, so there is none."""
    needs, way = "haproxy", ""

    def argv(self):
        o = self.options
        (self.folder / "cfg").write_text(f"""
global
    nbthread {self.workers}
    maxconn {(o.files - 200) // 2}
    ssl-default-bind-options prefer-client-ciphers
defaults
    mode http
    timeout connect 10s
    timeout client 600s
    timeout server 600s
    http-reuse always
frontend f
    bind 127.0.0.1:{self.port} ssl crt {o.folder}/leaf.both alpn http/1.1
    default_backend b
backend b
    server s 127.0.0.1:{self.origin} ssl verify required ca-file {o.folder}/ca.pem sni str(localhost) verifyhost localhost
""")
        return ["haproxy", "-db", "-f", self.folder / "cfg"]


class Squid(Proxy):
    """Intercepts: looks at the ClientHello, then bumps with a minted certificate, which it keeps."""
    needs = "squid"

    def argv(self):
        o = self.options
        helper = "/usr/lib/squid/security_file_certgen"
        if not os.path.exists(helper):
            raise RuntimeError("this squid cannot mint certificates (squid-openssl can)")
        subprocess.run([helper, "-c", "-s", self.folder / "db", "-M", "4MB"], check=True, stdout=subprocess.DEVNULL)
        (self.folder / "hosts").write_text("127.0.0.1 localhost\n")
        (self.folder / "conf").write_text(f"""
http_port 127.0.0.1:{self.port} ssl-bump tls-cert={o.folder}/ca.both generate-host-certificates=on dynamic_cert_mem_cache_size=4MB
sslcrtd_program {helper} -s {self.folder}/db -M 4MB
sslcrtd_children 1
acl step1 at_step SslBump1
ssl_bump peek step1
ssl_bump bump all
tls_outgoing_options cafile={o.folder}/ca.pem
http_access allow localhost
cache deny all
hosts_file {self.folder}/hosts
access_log stdio:{self.folder}/access.log
buffered_logs on
cache_log {self.folder}/cache.log
pid_filename none
coredump_dir {self.folder}
max_filedescriptors {o.files}
client_idle_pconn_timeout 10 minutes
shutdown_lifetime 0 seconds
""")
        if os.geteuid() == 0:  # it gives up being root by itself
            user = pwd.getpwnam("proxy")
            for path in (self.folder, *self.folder.rglob("*")):
                os.chown(path, user.pw_uid, user.pw_gid)
        return ["squid", "-N", "-f", self.folder / "conf"]


class Mitmproxy(Proxy):
    """Intercepts, in Python; no log of its own is asked for."""
    needs, slow = "mitmdump", True

    def argv(self):
        return ["mitmdump", "-q", "--listen-host", "127.0.0.1", "-p", str(self.port), "--set", "confdir=conf", "--set",
                f"ssl_verify_upstream_trusted_ca={self.options.folder}/ca.pem"]


def variant(base, **changes):
    return type(base.__name__, (base,), changes)


PROXIES = {
    "sallyport": Sallyport,
    "nginx": Nginx,
    "haproxy": Haproxy,
    "squid": Squid,
    "mitmproxy": Mitmproxy,
    "sallyport-durable": variant(Sallyport, durability="durable"),
    **{f"sallyport-{n}-rules": variant(Sallyport, rules=n) for n in (100, 1000, 10000)},
    "sallyport-2-workers": variant(Sallyport, workers=2),
    "nginx-2-workers": variant(Nginx, workers=2),
    "haproxy-2-workers": variant(Haproxy, workers=2),
}
PLAIN = ("sallyport", "nginx", "haproxy", "squid", "mitmproxy")


def installed(name):
    needs = PROXIES[name].needs
    return needs is None or shutil.which(needs, path=processes.SBIN) is not None


def make_certificates(folder):
    """P-256 everywhere: a CA, and the leaf that the origin and the reverse proxies show."""
    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=folder, check=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "3", "-subj", "/CN=Bench CA")
    openssl("req", "-new", *key, "-keyout", "leaf.key", "-out", "leaf.csr", "-subj", "/CN=localhost")
    (folder / "leaf.ext").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=critical,CA:FALSE\n"
                                     "keyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n")
    openssl("x509", "-req", "-in", "leaf.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-days", "2", "-out", "leaf.pem",
            "-extfile", "leaf.ext")
    (folder / "leaf.both").write_text((folder / "leaf.pem").read_text() + (folder / "leaf.key").read_text())
    (folder / "ca.both").write_text((folder / "ca.pem").read_text() + (folder / "ca.key").read_text())
    for path in folder.iterdir():
        path.chmod(0o644)  # squid reads them as a user of its own; they live as long as this run
