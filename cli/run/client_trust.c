/*
 * Trust and proxy settings for the clients inside. Values that the user had set are merged, not
 * lost: roots that a variable named are in the bundle which takes its place.
 */
#include "cli/run/client_trust.h"
#include "certs/certs.h"
#include "cli/verbs.h"

#include <ctype.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Variables that name a file which takes the place of a client's own store. */
static const char *const replacing[] = {"SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE",
	"PIP_CERT", "GIT_SSL_CAINFO", "CARGO_HTTP_CAINFO", "AWS_CA_BUNDLE", "BUNDLE_SSL_CA_CERT",
	"COMPOSER_CAFILE", "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE", "HTTPLIB2_CA_CERTS",
	"GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", "NIX_SSL_CERT_FILE", "HEX_CACERTS_PATH",
	"JULIA_SSL_CA_ROOTS_PATH", "PERL_LWP_SSL_CA_FILE", "SYSTEM_CERTIFICATE_PATH",
	"CONDA_SSL_VERIFY", "CODEX_CA_CERTIFICATE", "YARN_HTTPS_CA_FILE_PATH", "npm_config_cafile"};

/* Variables that name a file of roots to be added to a client's own. */
static const char *const adding[] = {"NODE_EXTRA_CA_CERTS", "DENO_CERT"};

/* Where the distributions keep their bundle. */
static const char *const system_paths[] = {"/etc/ssl/certs/ca-certificates.crt",
	"/etc/pki/tls/certs/ca-bundle.crt", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
	"/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem", "/usr/lib/ssl/cert.pem",
	"/var/lib/ca-certificates/ca-bundle.pem"};

/* Sockets and screens of the user's session: their far end is outside. */
static const char *const removed[] = {"SSH_AUTH_SOCK", "SSH_AGENT_PID", "GPG_AGENT_INFO",
	"DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "XDG_RUNTIME_DIR",
	"DOCKER_HOST", "SSL_CERT_DIR"};

static const char *const proxies[] = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy",
	"https_proxy", "all_proxy", "GRPC_PROXY", "grpc_proxy", "YARN_HTTP_PROXY",
	"YARN_HTTPS_PROXY"};

enum { BUNDLE_USUAL = 4 << 20 }; /* a larger file is none of certificates */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The kind of certificate that begins at a line's start; NULL: something else does. */
static const char *certificate_end(const char *line)
{
	static const char *const kinds[][2] = {
		{"-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"},
		{"-----BEGIN TRUSTED CERTIFICATE-----", "-----END TRUSTED CERTIFICATE-----"},
		{"-----BEGIN X509 CERTIFICATE-----", "-----END X509 CERTIFICATE-----"}};

	for (size_t i = 0; i < COUNT(kinds); i++) {
		if (strncmp(line, kinds[i][0], strlen(kinds[i][0])) == 0) {
			return kinds[i][1];
		}
	}
	return NULL;
}

/* Of the PEM text from `begin` on the certificates, and nothing else: some files hold a key as
 * well. In place: a bundle is large, and this is done at every start. */
static void keep_certificates(struct text *t, size_t begin)
{
	char *at, *out;

	text_reserve(t, 1); /* a last line may have no end */
	t->data[t->len + 1] = '\0';
	at = out = t->data + begin;
	while ((at = strstr(at, "-----BEGIN ")) != NULL) {
		const char *kind =
			at == t->data + begin || at[-1] == '\n' ? certificate_end(at) : NULL;
		const char *end = kind != NULL ? strstr(at, kind) : NULL;
		size_t len = end != NULL ? (size_t)(end - at) + strlen(kind) : 0;

		if (end == NULL) {
			at++;
			continue;
		}
		if (out != at) {
			memmove(out, at, len);
		}
		at += len;
		out += len;
		*out++ = '\n';
	}
	*out = '\0';
	t->len = (size_t)(out - t->data);
}

/* Adds a file of the user's to a text once; one that cannot be read is left out, as its client
 * would. */
static void add_roots(struct text *to, struct list *seen, const char *path)
{
	size_t begin = to->len;
	struct stat st;

	/* Nothing that would keep us waiting: some variables hold words such as "true", too. */
	if (path == NULL || stat(path, &st) != 0 || !S_ISREG(st.st_mode) ||
		list_get(seen, path) != NULL) {
		return;
	}
	list_set(seen, path, "1");
	if (text_read_file(to, path) == 0) {
		keep_certificates(to, begin);
	} else if (to->data != NULL) {
		to->len = begin; /* without what was read of it */
		to->data[begin] = '\0';
	}
}

/* SSL_CERT_DIR: folders with colons between them, a certificate a file. */
static void add_root_folders(struct text *to, struct list *seen, const char *folders)
{
	while (folders != NULL && *folders != '\0') {
		size_t len = strcspn(folders, ":");
		char pattern[PATH_MAX];
		glob_t found;

		if (len > 0 &&
			snprintf(pattern, sizeof(pattern), "%.*s/*", (int)len, folders) <
				(int)sizeof(pattern) &&
			glob(pattern, 0, NULL, &found) == 0) {
			for (size_t i = 0; i < found.gl_pathc; i++) {
				add_roots(to, seen, found.gl_pathv[i]);
			}
			globfree(&found);
		}
		folders += len + (folders[len] == ':');
	}
}

static void make_bundles(struct client_trust *t, const char *run_ca, const struct list *user)
{
	struct list seen = {0}, seen_adding = {0};

	if (certs_system_bundle() != NULL) {
		list_set(&seen, certs_system_bundle(), "1"); /* client_trust_begin() */
	}
	for (size_t i = 0; i < COUNT(replacing); i++) {
		const char *path = list_get(user, replacing[i]);
		struct stat st;

		if (path != NULL && stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
			add_root_folders(&t->bundle, &seen, path); /* requests takes a folder */
		} else {
			add_roots(&t->bundle, &seen, path);
		}
	}
	add_root_folders(&t->bundle, &seen, list_get(user, "SSL_CERT_DIR"));
	for (size_t i = 0; i < COUNT(adding); i++) {
		add_roots(&t->bundle, &seen, list_get(user, adding[i]));
		add_roots(&t->ca, &seen_adding, list_get(user, adding[i]));
	}
	text_print(&t->bundle, "%s", run_ca);
	text_print(&t->ca, "%s", run_ca);
	list_finish(&seen);
	list_finish(&seen_adding);
	for (size_t i = 0; i < COUNT(system_paths); i++) {
		if (access(system_paths[i], F_OK) == 0) {
			list_add(&t->bundle_paths, system_paths[i]);
		}
	}
}

/*
 * Proxies of outside, and their passwords: HTTPS_PROXY, npm_config_https_proxy, PIP_PROXY,
 * CLOUDSDK_PROXY_PASSWORD and their like, in any case of letters. GOPROXY is a registry.
 */
static bool names_proxy(const char *variable)
{
	char name[128];
	size_t len = strcspn(variable, "=");

	if (len >= sizeof(name)) {
		return false;
	}
	for (size_t i = 0; i < len; i++) {
		name[i] = (char)toupper((unsigned char)variable[i]);
	}
	name[len] = '\0';
	return strstr(name, "_PROXY") != NULL || strncmp(name, "PROXY_", 6) == 0 ||
	       strcmp(name, "NPM_CONFIG_NOPROXY") == 0;
}

/* Java's proxies are words such as -Dhttps.proxyHost=x in JAVA_TOOL_OPTIONS, MAVEN_OPTS, ... */
static void without_java_proxies(const char *variable, struct text *ret_variable)
{
	static const char *const words[] = {"-Dhttp.proxy", "-Dhttps.proxy", "-Dftp.proxy",
		"-DsocksProxy", "-Dhttp.nonProxyHosts", "-Djava.net.socks."};
	const char *at = variable;

	while (*at != '\0') {
		bool proxy = false;
		size_t len;

		for (size_t i = 0; i < COUNT(words); i++) {
			const char *quoteless = at + (*at == '"' || *at == '\'');

			proxy = proxy || strncmp(quoteless, words[i], strlen(words[i])) == 0;
		}
		len = strcspn(at, proxy ? " " : " =");
		len += at[len] != '\0';
		if (!proxy) {
			text_add(ret_variable, at, len);
		}
		at += len;
	}
}

static void add_environment(struct client_trust *t, const char *variable)
{
	struct text text = {0};

	if (names_proxy(variable)) {
		return;
	}
	if (strstr(variable, "roxy") != NULL && strstr(variable, "-D") != NULL) {
		without_java_proxies(variable, &text);
		variable = text.data;
	}
	list_add(&t->env, variable);
	text_finish(&text);
}

static void set_proxies(struct list *env, uint16_t port)
{
	char url[64], number[8];

	snprintf(url, sizeof(url), "http://127.0.0.1:%u", port);
	for (size_t i = 0; i < COUNT(proxies); i++) {
		list_set(env, proxies[i], url);
	}
	list_set(env, "NO_PROXY", "localhost,127.0.0.1,::1");
	list_set(env, "no_proxy", "localhost,127.0.0.1,::1");
	list_set(env, "NODE_USE_ENV_PROXY", "1");
	list_set(env, "CLOUDSDK_PROXY_TYPE", "http");
	list_set(env, "CLOUDSDK_PROXY_ADDRESS", "127.0.0.1");
	snprintf(number, sizeof(number), "%u", port);
	list_set(env, "CLOUDSDK_PROXY_PORT", number);
	/*
	 * Java reads no proxy variable and is captured instead: JAVA_TOOL_OPTIONS would print a
	 * line on the standard error of every java.
	 */
}

static void set_trust(struct list *env)
{
	for (size_t i = 0; i < COUNT(replacing); i++) {
		list_set(env, replacing[i], TRUST_DIR "/bundle.pem");
	}
	for (size_t i = 0; i < COUNT(adding); i++) {
		list_set(env, adding[i], TRUST_DIR "/ca.pem");
	}
	list_set(env, "DENO_TLS_CA_STORE", "system,mozilla");
	list_set(env, "UV_SYSTEM_CERTS", "1");
	list_set(env, "UV_NATIVE_TLS", "1");
	list_set(env, "APT_CONFIG", TRUST_DIR "/apt.conf");
	list_set(env, "AWS_EC2_METADATA_DISABLED", "true");
	list_set(env, "SALLYPORT", "1");
}

/*
 * ssh reads no proxy variable. It would be captured like everything else, but only a helper that
 * asks can tell its user why it was refused. What the user had set goes on being what is run.
 */
static void set_ssh(struct list *env)
{
	const char *command = list_get(env, "GIT_SSH_COMMAND");
	struct text text = {0};

	text_print(&text,
		"%s -o ProxyCommand='" TRUST_DIR "/sallyport connect %%h %%p' -o ControlMaster=no "
		"-o ControlPath=none",
		command != NULL && command[0] != '\0' ? command : "ssh");
	list_set(env, "GIT_SSH_COMMAND", text.data);
	text_finish(&text);
}

/* ---- Java: every JDK keeps a store of its own ---- */

struct java_files {
	dev_t dev[16];
	ino_t ino[16];
	size_t n;
};

/* Most are links to one file; a file with several names of its own has to be covered at each. */
static bool is_known(struct java_files *seen, const struct stat *st)
{
	for (size_t i = 0; i < seen->n; i++) {
		if (seen->dev[i] == st->st_dev && seen->ino[i] == st->st_ino) {
			return true;
		}
	}
	if (st->st_nlink == 1 && seen->n < COUNT(seen->ino)) {
		seen->dev[seen->n] = st->st_dev;
		seen->ino[seen->n++] = st->st_ino;
	}
	return false;
}

static void add_java_store(struct client_trust *t, struct java_files *seen, const char *path)
{
	char real[PATH_MAX];
	struct stat st;

	if (stat(path, &st) != 0 || is_known(seen, &st) || realpath(path, real) == NULL) {
		return;
	}
	for (size_t i = 0; i < t->java_paths.n; i++) {
		if (strcmp(t->java_paths.items[i], real) == 0) {
			return;
		}
	}
	list_add(&t->java_paths, real);
}

/* `lib/security/cacerts` of a JDK, `jre/lib/security/cacerts` of a JDK 8. */
static void add_java_home(struct client_trust *t, struct java_files *seen, const char *home)
{
	static const char *const below[] = {"lib/security/cacerts", "jre/lib/security/cacerts"};

	for (size_t i = 0; i < COUNT(below); i++) {
		char path[PATH_MAX];

		if (snprintf(path, sizeof(path), "%s/%s", home, below[i]) < (int)sizeof(path)) {
			add_java_store(t, seen, path);
		}
	}
}

static void add_java_homes(struct client_trust *t, struct java_files *seen, const char *pattern)
{
	glob_t found;

	if (glob(pattern, 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++) {
			add_java_home(t, seen, found.gl_pathv[i]);
		}
		globfree(&found);
	}
}

/*
 * A file of roots as it lies in the page cache: memory of our own for it, a copy and a look through
 * it are 1% of a start. Not one that not everybody may read, which may hold more than certificates.
 * What is written there, if `protection` lets it, stays ours.
 */
static void *map_file(const char *path, int protection, size_t *ret_len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	void *mapped = MAP_FAILED;
	struct stat st;

	if (fd < 0) {
		return NULL;
	}
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & S_IROTH) != 0 &&
		st.st_size > 0 && st.st_size < BUNDLE_USUAL) {
		mapped = mmap(NULL, (size_t)st.st_size, protection, MAP_PRIVATE, fd, 0);
	}
	close(fd);
	if (mapped == MAP_FAILED) {
		return NULL;
	}
	*ret_len = (size_t)st.st_size;
#ifdef MADV_POPULATE_READ /* Linux 5.14; without it each page comes when it is read */
	(void)madvise(mapped, *ret_len, MADV_POPULATE_READ);
#endif
	return mapped;
}

/* The distributions' own, made of the same roots: base64 of all of them is 1% of a start. */
static bool extend_java_store(struct client_trust *t)
{
	static const char *const stores[] = {
		"/etc/ssl/certs/java/cacerts", "/etc/pki/java/cacerts"};
	const char *const pems[] = {t->bundle.data, NULL};
	struct certs_diag diag;

	for (size_t i = 0; t->system != NULL && i < COUNT(stores); i++) {
		t->java_system = map_file(stores[i], PROT_READ | PROT_WRITE, &t->java_system_len);
		if (t->java_system == NULL) {
			continue;
		}
		if (certs_java_store_extend(t->java_system, t->java_system_len, pems,
			    &t->java_system_kept, &t->java_store, &t->java_store_len,
			    &diag) == CERTS_OK) {
			return true;
		}
		munmap(t->java_system, t->java_system_len);
		t->java_system = NULL;
	}
	return false;
}

static int make_java_store(struct client_trust *t, const struct list *user)
{
	static const char *const homes[] = {
		"/usr/lib/jvm/*", "/usr/java/*", "/opt/java/*", "/opt/jdk*"};
	const char *const pems[] = {t->system != NULL ? t->system : "", t->bundle.data, NULL};
	const char *java_home = list_get(user, "JAVA_HOME"), *home = list_get(user, "HOME");
	struct java_files seen = {.n = 0};
	struct certs_diag diag;
	char path[PATH_MAX];

	for (size_t i = 0; i < COUNT(homes); i++) {
		add_java_homes(t, &seen, homes[i]);
	}
	add_java_store(t, &seen, "/etc/ssl/certs/java/cacerts");
	add_java_store(t, &seen, "/etc/pki/java/cacerts");
	if (java_home != NULL && java_home[0] == '/') {
		add_java_home(t, &seen, java_home);
	}
	if (home != NULL && snprintf(path, sizeof(path), "%s/.sdkman/candidates/java/*", home) <
				    (int)sizeof(path)) {
		add_java_homes(t, &seen, path);
	}
	if (t->java_paths.n > 0 && !extend_java_store(t) &&
		certs_java_store(pems, &t->java_store, &t->java_store_len, &diag) != CERTS_OK) {
		return complain("Java's trust store: %s", diag.message);
	}
	return 0;
}

/* Not a bundle whose last page is full, for nothing would end the text. */
static bool map_roots(struct client_trust *t, const char *path)
{
	char *mapped = map_file(path, PROT_READ, &t->system_len);

	if (mapped != NULL && t->system_len % (size_t)sysconf(_SC_PAGESIZE) == 0) {
		munmap(mapped, t->system_len);
		mapped = NULL;
	}
	if (mapped == NULL) {
		t->system_len = 0;
		return false;
	}
	t->system = mapped;
	if (t->system[t->system_len - 1] != '\n') {
		text_print(&t->bundle, "\n");
	}
	return true;
}

void client_trust_begin(struct client_trust *t)
{
	const char *path = certs_system_bundle();
	struct list seen = {0};

	memset(t, 0, sizeof(*t));
	if (path != NULL && !map_roots(t, path)) {
		add_roots(&t->bundle, &seen, path);
	}
	list_finish(&seen);
}

int client_trust_make(struct client_trust *t, const char *run_ca_pem, uint16_t proxy_port,
	char *const *environment)
{
	struct list user = {0};
	int status;

	for (; *environment != NULL; environment++) {
		list_add(&user, *environment);
		add_environment(t, *environment);
	}
	make_bundles(t, run_ca_pem, &user);
	status = make_java_store(t, &user);
	list_finish(&user);
	for (size_t i = 0; i < COUNT(removed); i++) {
		list_remove(&t->env, removed[i]);
	}
	set_proxies(&t->env, proxy_port);
	set_trust(&t->env);
	set_ssh(&t->env);
	/* apt drops root for its downloads; there is no second user in the jail to drop to. */
	text_print(&t->apt_conf,
		"Acquire::http::Proxy \"http://127.0.0.1:%u\";\n"
		"Acquire::https::Proxy \"http://127.0.0.1:%u\";\n"
		"Acquire::https::CaInfo \"" TRUST_DIR "/bundle.pem\";\n"
		"APT::Sandbox::User \"root\";\n",
		proxy_port, proxy_port);
	return status;
}

void client_trust_without_git(struct client_trust *t)
{
	const char *flags = list_get(&t->env, "GOFLAGS");
	struct text text = {0};

	text_print(&text, "%s%s-buildvcs=false", flags != NULL ? flags : "",
		flags != NULL && flags[0] != '\0' ? " " : "");
	list_set(&t->env, "GOFLAGS", text.data);
	text_finish(&text);
}

void client_trust_finish(struct client_trust *t)
{
	text_finish(&t->bundle);
	text_finish(&t->ca);
	text_finish(&t->apt_conf);
	if (t->system != NULL) {
		munmap((void *)(uintptr_t)t->system, t->system_len);
	}
	if (t->java_system != NULL) {
		munmap(t->java_system, t->java_system_len);
	}
	free(t->java_store);
	list_finish(&t->java_paths);
	list_finish(&t->bundle_paths);
	list_finish(&t->env);
}
