/*
 * Presets learn the registry from the client itself: its user's and system's configuration, its
 * environment, or what it says when asked. Never from the working folder: a hostile project must
 * not choose where its own installation may go, so every client is asked in "/". No registry's name
 * is written down here.
 */
#include "cli/rules/presets.h"
#include "cli/program.h"
#include "rules/rules.h"

#include <event2/util.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct preset {
	struct text *rules;
	char *message;
	size_t size;
};

static int fail(struct preset *p, const char *why, const char *instead)
{
	snprintf(p->message, p->size, "%s; write the statements yourself instead, such as: %s", why,
		instead);
	return -1;
}

/*
 * A company's mirror often has a private address. The client's own configuration chose the host, so
 * the statement says `private` itself; loopback, link-local and metadata addresses never get it.
 */
static const char *private_word(const char *host)
{
	const struct evutil_addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct evutil_addrinfo *found = NULL;
	bool private = false;

	if (evutil_getaddrinfo(host, NULL, &hints, &found) != 0) {
		return "";
	}
	for (const struct evutil_addrinfo *a = found; a != NULL; a = a->ai_next) {
		enum rules_address_class class = RULES_ADDRESS_FORBIDDEN;

		if (a->ai_family == AF_INET) {
			const struct sockaddr_in *v4 = (const struct sockaddr_in *)a->ai_addr;

			class = rules_address_class((const uint8_t *)&v4->sin_addr, 4);
		} else if (a->ai_family == AF_INET6) {
			const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)a->ai_addr;

			class = rules_address_class((const uint8_t *)&v6->sin6_addr, 16);
		}
		private = private || class == RULES_ADDRESS_PRIVATE;
	}
	evutil_freeaddrinfo(found);
	return private ? " private" : "";
}

/* An allow of everything below a base URL; what is no http or https URL is passed over. */
static bool allow_below(
	struct preset *p, const char *methods, const char *url, const char *conditions)
{
	struct rules_target target;
	char buf[4096], port[8] = "";
	size_t len = strcspn(url, " \t\r\n?#"), path_len;
	int error = rules_target_from_url(url, len, &target, buf, sizeof(buf));

	if (error == RULES_TARGET_EUSERINFO) {
		/* https://user:secret@host/: the secret is the client's affair, not the
		 * statement's. */
		const char *at = memchr(url, '@', len), *begin = strstr(url, "://");
		char *clean = malloc(len + 1);
		bool done = false;

		if (clean != NULL) {
			snprintf(clean, len + 1, "%.*s%.*s", (int)(begin + 3 - url), url,
				(int)(len - (size_t)(at + 1 - url)), at + 1);
			done = strchr(clean, '@') == NULL &&
			       allow_below(p, methods, clean, conditions);
		}
		free(clean);
		return done;
	}
	if (error != RULES_TARGET_OK) {
		return false;
	}
	if (target.port != rules_default_port(target.scheme)) {
		snprintf(port, sizeof(port), ":%u", target.port);
	}
	path_len = strlen(target.path);
	while (path_len > 0 && target.path[path_len - 1] == '/') {
		path_len--;
	}
	text_print(p->rules, "allow %s %s%s%s%s%s%.*s/**%s%s\n", methods,
		target.scheme == RULES_HTTP ? "http://" : "", strchr(target.host, ':') ? "[" : "",
		target.host, strchr(target.host, ':') ? "]" : "", port, (int)path_len, target.path,
		conditions, private_word(target.host));
	return true;
}

/* Every word of a text that is a URL. */
static unsigned allow_words(
	struct preset *p, const char *methods, const char *text, const char *conditions)
{
	unsigned n = 0;

	while (*text != '\0') {
		size_t len = strcspn(text, " \t\r\n'\",|=[]");
		char word[2048];

		if (len > 0 && len < sizeof(word)) {
			memcpy(word, text, len);
			word[len] = '\0';
			if (strncmp(word, "http://", 7) == 0 || strncmp(word, "https://", 8) == 0) {
				n += allow_below(p, methods, word, conditions);
			}
		}
		text += len + (text[len] != '\0');
	}
	return n;
}

/* ---- npm ---- */

static int npm(struct preset *p)
{
	static const char *const ask[] = {"npm", "config", "get", "registry", NULL};
	static const char *const list[] = {"npm", "config", "list", NULL};
	struct text out = {0};
	int result = 0;

	if (program_output(ask, &out) != 0 ||
		allow_words(p, "GET,HEAD", out.data, " encoded-slash") == 0) {
		result = fail(p, "npm is not installed, or names no registry",
			"allow GET,HEAD registry.example.com/** encoded-slash");
	} else {
		/* `npm audit` asks by POST; nothing but names and versions of packages is in it. */
		allow_words(p, "POST", out.data, " body<=8MiB type application/json");
		out.len = 0;
		/* Registries of single scopes: "@acme:registry = ..." */
		if (program_output(list, &out) == 0) {
			for (const char *at = out.data; at != NULL; at = strchr(at, '\n')) {
				at += *at == '\n';
				if (*at == '@' && strcspn(at, "\n") > strcspn(at, "=")) {
					char line[2048];

					snprintf(line, sizeof(line), "%.*s", (int)strcspn(at, "\n"),
						at);
					allow_words(p, "GET,HEAD", line, " encoded-slash");
				}
			}
		}
	}
	text_finish(&out);
	return result;
}

/* ---- pip ---- */

/* Asked of pip's own code where no configuration names an index. */
static const char pip_default[] = "from pip._internal.models.index import PyPI\n"
				  "print(PyPI.simple_url)\n"
				  "print('https://' + PyPI.file_storage_domain + '/')\n";

static int pip(struct preset *p)
{
	static const char *const list[] = {"pip", "config", "list", NULL};
	static const char *const python3[] = {"python3", "-c", pip_default, NULL};
	const char *example = "allow GET,HEAD index.example.com/simple/**";
	struct text out = {0};
	unsigned n = 0;
	bool own_index, extra_only;

	if (program_output(list, &out) != 0) {
		text_finish(&out);
		return fail(p, "pip is not installed or does not answer", example);
	}
	extra_only = strstr(out.data, "extra-index-url") != NULL;
	own_index = strstr(out.data, ".index-url") != NULL;
	for (const char *line = out.data; line != NULL && *line != '\0';) {
		size_t len = strcspn(line, "\n");
		char text[4096];

		snprintf(text, sizeof(text), "%.*s", (int)len, line);
		if (strstr(text, "index-url") != NULL || strstr(text, "find-links") != NULL) {
			n += allow_words(p, "GET,HEAD", text, "");
		}
		line += len + (line[len] == '\n');
	}
	out.len = 0;
	/* The default index also when only an extra one is set; its files lie on a host of their
	 * own. */
	if ((!own_index || extra_only) && program_output(python3, &out) == 0) {
		n += allow_words(p, "GET,HEAD", out.data, "");
	}
	text_finish(&out);
	return n > 0 ? 0 : fail(p, "pip does not say which index it uses", example);
}

/* ---- go ---- */

static int go(struct preset *p)
{
	static const char *const ask[] = {"go", "env", "GOPROXY", "GOSUMDB", NULL};
	struct text out = {0};
	const char *sumdb;
	unsigned n;

	if (program_output(ask, &out) != 0) {
		text_finish(&out);
		return fail(p, "go is not installed or does not answer",
			"allow GET,HEAD proxy.example.com/**");
	}
	n = allow_words(p, "GET,HEAD", out.data, "");
	/* "sum.example.org+key URL": a name alone stands for https://name. */
	sumdb = strchr(out.data, '\n');
	if (sumdb != NULL && strncmp(sumdb + 1, "off", 3) != 0) {
		char url[512];

		snprintf(url, sizeof(url), "https://%.*s/", (int)strcspn(sumdb + 1, "+ \n"),
			sumdb + 1);
		(void)allow_below(p, "GET,HEAD", url, "");
	}
	text_finish(&out);
	return n > 0 ? 0
		     : fail(p,
			       "GOPROXY names no proxy (with `direct`, modules come from their own "
			       "hosts)",
			       "allow GET,HEAD proxy.example.com/**");
}

/* ---- apt ---- */

static int apt(struct preset *p)
{
	static const char *const ask[] = {
		"apt-get", "indextargets", "--no-release-info", "--format", "$(REPO_URI)", NULL};
	struct text out = {0};
	struct list seen = {0};
	unsigned n = 0;

	if (program_output(ask, &out) == 0) {
		for (char *line = strtok(out.data, "\n"); line != NULL; line = strtok(NULL, "\n")) {
			if (list_get(&seen, line) == NULL) {
				list_set(&seen, line, "1");
				n += allow_words(p, "GET,HEAD", line, "");
			}
		}
	}
	list_finish(&seen);
	text_finish(&out);
	return n > 0 ? 0
		     : fail(p, "apt-get is not installed, or its sources name no repository",
			       "allow GET,HEAD http://mirror.example.com/debian/**");
}

/* ---- cargo ---- */

/*
 * The index in force stands in the configuration when it is replaced, and otherwise only in cargo
 * itself: it is asked for a crate through a proxy that does not exist, and names the index in its
 * complaint. Where the crates themselves lie, the index says in its config.json, which is fetched
 * once by curl.
 */
static int cargo_index(struct text *ret_url)
{
	static const char *const ask[] = {"env", "CARGO_HTTP_PROXY=http://127.0.0.1:9",
		"CARGO_NET_RETRY=0", "CARGO_HTTP_TIMEOUT=2", "cargo", "info", "--quiet",
		"a-b-c-d-e-f", NULL};
	struct text out = {0};
	const char *at;

	(void)program_output_all(ask, &out);
	at = out.data != NULL ? strstr(out.data, "https://") : NULL;
	if (at != NULL) {
		/* ".../config.json" of the sparse index */
		const char *end = strstr(at, "config.json");
		size_t len = strcspn(at, " `'\"\n)");

		if (end != NULL && (size_t)(end - at) < len) {
			len = (size_t)(end - at);
		}
		text_add(ret_url, at, len);
	}
	text_finish(&out);
	return ret_url->len > 0 ? 0 : -1;
}

static void cargo_downloads(struct preset *p, const char *index)
{
	struct text url = {0}, out = {0};
	const char *const ask[] = {
		"curl", "-sSfL", "--max-time", "20", "--proto", "=https", NULL, NULL};
	const char *fetch[8];
	const char *dl;

	memcpy(fetch, ask, sizeof(ask));
	text_print(&url, "%s%sconfig.json", index, index[strlen(index) - 1] == '/' ? "" : "/");
	fetch[6] = url.data;
	if (program_output(fetch, &out) == 0 && (dl = strstr(out.data, "\"dl\"")) != NULL) {
		char text[1024];

		/* A template ends where its first {marker} begins. */
		snprintf(text, sizeof(text), "%.*s", (int)strcspn(dl + 4, "{}\n"), dl + 4);
		(void)allow_words(p, "GET,HEAD", text, "");
	}
	text_finish(&url);
	text_finish(&out);
}

static int cargo_config(struct preset *p)
{
	const char *home = getenv("CARGO_HOME"), *user = getenv("HOME");
	char path[4096];
	struct text config = {0};
	unsigned n = 0;

	snprintf(path, sizeof(path), "%s%s/config.toml",
		home != NULL   ? home
		: user != NULL ? user
			       : "",
		home != NULL ? "" : "/.cargo");
	if (text_read_file(&config, path) == 0) {
		const char *replaced = strstr(config.data, "replace-with");

		for (const char *at = config.data;
			at != NULL && (at = strstr(at, "sparse+http")) != NULL;) {
			char url[1024];

			at += strlen("sparse+");
			snprintf(url, sizeof(url), "%.*s", (int)strcspn(at, " \"'\n"), at);
			if (allow_below(p, "GET,HEAD", url, "")) {
				cargo_downloads(p, url);
				n++;
			}
		}
		n = replaced != NULL ? n : 0;
	}
	text_finish(&config);
	return (int)n;
}

static int cargo(struct preset *p)
{
	struct text index = {0};
	int result = 0;

	if (cargo_config(p) > 0) {
		return 0;
	}
	if (cargo_index(&index) == 0 && allow_below(p, "GET,HEAD", index.data, "")) {
		cargo_downloads(p, index.data);
	} else {
		result = fail(p, "cargo is not installed, or does not say which index it uses",
			"allow GET,HEAD index.example.com/** and allow GET,HEAD "
			"crates.example.com/**");
	}
	text_finish(&index);
	return result;
}

/* ---- git ---- */

/* Hosts that the user's own configuration names; what a project's remotes say is the project's
 * word. */
static int git(struct preset *p)
{
	static const char *const ask[] = {"git", "config", "--global", "--includes", "--get-regexp",
		"^(url\\..*\\.insteadof|credential\\..*|http\\..*\\..*)$", NULL};
	static const char *const conditions[] = {
		" query service=git-upload-pack", " type application/x-git-upload-pack-request"};
	struct text out = {0};
	unsigned n = 0;

	if (program_output(ask, &out) == 0) {
		for (const char *at = out.data; (at = strstr(at, "https://")) != NULL; at += 8) {
			size_t host = strcspn(at + 8, "/ \n");
			char base[512];

			/* The host alone: ".insteadof" and other key names may hang on the URL. */
			if (host < sizeof(base) - 8) {
				snprintf(base, sizeof(base), "%.*s", (int)host + 8, at);
				n += allow_below(p, "GET", base, conditions[0]) &&
				     allow_below(p, "POST", base, conditions[1]);
			}
		}
	}
	text_finish(&out);
	return n > 0 ? 0
		     : fail(p,
			       "git's own configuration names no host (it has no registry: a "
			       "remote is what a project "
			       "says)",
			       "allow GET git.example.com/** query service=git-upload-pack and "
			       "allow POST "
			       "git.example.com/** type application/x-git-upload-pack-request");
}

int presets_expand(const char *name, struct text *ret_rules, char *message, size_t size)
{
	static const struct {
		const char *name;
		int (*fn)(struct preset *p);
	} presets[] = {{"npm", npm}, {"pip", pip}, {"cargo", cargo}, {"go", go}, {"apt", apt},
		{"git", git}};
	struct preset p = {ret_rules, message, size};

	text_add(ret_rules, "", 0);
	for (size_t i = 0; i < sizeof(presets) / sizeof(presets[0]); i++) {
		if (strcmp(presets[i].name, name) == 0) {
			return presets[i].fn(&p);
		}
	}
	snprintf(message, size, "there is no such preset");
	return -1;
}
