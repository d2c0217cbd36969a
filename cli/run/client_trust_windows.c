/*
 * Trust and proxy settings for the clients inside, on Windows: one bundle of the system's roots and
 * the run's CA for the clients that read files. Schannel, .NET and Go read only the user's store,
 * which is never touched: docs/windows.md says what that means. bundle_paths holds the bundle's
 * path and that of the run's CA alone.
 */
#include "cli/run/client_trust.h"
#include "certs/certs.h"
#include "cli/place.h"
#include "cli/verbs.h"

#include <stdio.h>
#include <string.h>

/* Variables that name a file which takes the place of a client's own store. */
static const char *const replacing[] = {"SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE",
	"PIP_CERT", "GIT_SSL_CAINFO", "CARGO_HTTP_CAINFO", "AWS_CA_BUNDLE", "BUNDLE_SSL_CA_CERT",
	"COMPOSER_CAFILE", "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE", "HTTPLIB2_CA_CERTS",
	"GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", "CONDA_SSL_VERIFY", "YARN_HTTPS_CA_FILE_PATH",
	"npm_config_cafile"};

/* Variables that name a file of roots to be added to a client's own. */
static const char *const adding[] = {"NODE_EXTRA_CA_CERTS", "DENO_CERT"};

static const char *const proxies[] = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "GRPC_PROXY",
	"YARN_HTTP_PROXY", "YARN_HTTPS_PROXY"};

/*
 * What passes of the user's environment. The rest may hold secrets, or ways to what the container
 * does not reach; whoever needs more says so.
 */
static const char *const passed[] = {"PATH", "PATHEXT", "SystemRoot", "SystemDrive", "windir",
	"ComSpec", "OS", "PROCESSOR_ARCHITECTURE", "NUMBER_OF_PROCESSORS", "ProgramFiles",
	"ProgramFiles(x86)", "ProgramW6432", "ProgramData", "CommonProgramFiles", "LANG", "TERM",
	"COLORTERM", "NO_COLOR", "CI", "TZ", "USERNAME", "GOFLAGS", "GOPROXY", "GOSUMDB",
	"RUSTUP_TOOLCHAIN"};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Names of environment variables do not distinguish case here. */
static const char *find(char *const *environment, const char *name)
{
	size_t len = strlen(name);

	for (; *environment != NULL; environment++) {
		if (_strnicmp(*environment, name, len) == 0 && (*environment)[len] == '=') {
			return *environment + len + 1;
		}
	}
	return NULL;
}

static void add_pem(void *arg, const char *pem)
{
	text_print(arg, "%s", pem);
}

static int name_files(struct client_trust *t)
{
	unsigned char random[8];
	char folder[3000], path[3072];

	if (certs_random(NULL, random, sizeof(random)) != 0 ||
		place_state(folder, sizeof(folder)) != 0) {
		return complain("no folder for the run's certificates: %s", place_state_cure);
	}
	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof(path),
			"%s\\..\\trust\\%02x%02x%02x%02x%02x%02x%02x%02x.%s.pem", folder, random[0],
			random[1], random[2], random[3], random[4], random[5], random[6], random[7],
			i == 0 ? "bundle" : "ca");
		list_add(&t->bundle_paths, path);
	}
	return 0;
}

static void make_environment(struct client_trust *t, uint16_t port, char *const *environment)
{
	char url[64];

	list_set(&t->env, "SALLYPORT", "1");
	for (size_t i = 0; i < COUNT(passed); i++) {
		const char *value = find(environment, passed[i]);

		if (value != NULL) {
			list_set(&t->env, passed[i], value);
		}
	}
	snprintf(url, sizeof(url), "http://127.0.0.1:%u", port);
	for (size_t i = 0; i < COUNT(proxies); i++) {
		list_set(&t->env, proxies[i], url);
	}
	list_set(&t->env, "NO_PROXY", "localhost,127.0.0.1,::1");
	list_set(&t->env, "NODE_USE_ENV_PROXY", "1");
	for (size_t i = 0; i < COUNT(replacing); i++) {
		list_set(&t->env, replacing[i], t->bundle_paths.items[0]);
	}
	for (size_t i = 0; i < COUNT(adding); i++) {
		list_set(&t->env, adding[i], t->bundle_paths.items[1]);
	}
	/* git's own build would ask Schannel, which does not know the run's CA. */
	list_set(&t->env, "GIT_CONFIG_COUNT", "1");
	list_set(&t->env, "GIT_CONFIG_KEY_0", "http.sslBackend");
	list_set(&t->env, "GIT_CONFIG_VALUE_0", "openssl");
}

/* They are in the system's store. */
void client_trust_begin(struct client_trust *t)
{
	memset(t, 0, sizeof(*t));
}

int client_trust_make(struct client_trust *t, const char *run_ca_pem, uint16_t proxy_port,
	char *const *environment)
{
	struct certs_diag diag;
	int status;

	status = name_files(t);
	if (status != 0) {
		return status;
	}
	if (certs_system_each_pem(add_pem, &t->bundle, &diag) != CERTS_OK) {
		return complain("the system's roots cannot be read: %s", diag.message);
	}
	text_print(&t->bundle, "%s", run_ca_pem);
	text_print(&t->ca, "%s", run_ca_pem);
	make_environment(t, proxy_port, environment);
	return 0;
}

/* The view keeps no .git away here. */
void client_trust_without_git(struct client_trust *t)
{
	(void)t;
}

void client_trust_finish(struct client_trust *t)
{
	text_finish(&t->bundle);
	text_finish(&t->ca);
	list_finish(&t->bundle_paths);
	list_finish(&t->env);
}
