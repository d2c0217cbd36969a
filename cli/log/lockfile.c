/*
 * Lock files, read as far as a download can be held against them: which file, which digest.
 *
 * Sources: docs.npmjs.com package-lock.json v2/v3; pip, Secure installs (hash-checking mode); the
 * Cargo book, Cargo.lock; go.dev/ref/mod, go.sum files and module proxies.
 */
#include "cli/log/lockfile.h"
#include "certs/certs.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

/* ---- small things ---- */

static char *copy(const char *text, size_t len)
{
	char *made = strndup(text, len);

	if (made == NULL) {
		abort(); /* as text.c does */
	}
	return made;
}

static bool is_hex(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!isxdigit((unsigned char)text[i])) {
			return false;
		}
	}
	return true;
}

static void take_hex(struct lock_entry *e, enum lock_hash hash, const char *text, size_t len)
{
	if (len != (hash == LOCK_HASH_SHA512 ? 128 : 64) || !is_hex(text, len)) {
		return;
	}
	for (size_t i = 0; i < len; i++) {
		e->digest[i] = (char)tolower((unsigned char)text[i]);
	}
	e->digest[len] = '\0';
	e->hash = hash;
}

static int sextet(char c)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c != '\0' ? strchr(alphabet, c) : NULL;

	return at != NULL ? (int)(at - alphabet) : -1;
}

/* RFC 4648, section 4, of a digest of that length. */
static void take_base64(struct lock_entry *e, enum lock_hash hash, const char *text, size_t len)
{
	size_t wanted = hash == LOCK_HASH_SHA512 ? 64 : 32, n = 0;
	unsigned bits = 0, n_bits = 0;

	for (size_t i = 0; i < len && text[i] != '='; i++) {
		int value = sextet(text[i]);

		if (value < 0 || n > wanted) {
			return;
		}
		bits = bits << 6 | (unsigned)value;
		n_bits += 6;
		if (n_bits >= 8) {
			n_bits -= 8;
			if (n < wanted) {
				snprintf(e->digest + 2 * n, 3, "%02x", bits >> n_bits & 0xff);
			}
			n++;
		}
	}
	if (n == wanted) {
		e->hash = hash;
	}
}

static struct lock_entry *add(struct lockfile *l, enum lock_kind kind, const char *name,
	size_t name_len, const char *version, size_t version_len)
{
	struct lock_entry *e;

	if ((l->n & (l->n - 1)) == 0) {
		struct lock_entry *more =
			realloc(l->entries, (l->n > 0 ? l->n * 2 : 1) * sizeof(*more));

		if (more == NULL) {
			abort();
		}
		l->entries = more;
	}
	e = &l->entries[l->n++];
	*e = (struct lock_entry){.kind = kind};
	e->name = copy(name, name_len);
	e->version = copy(version, version_len);
	e->label = malloc(name_len + version_len + 2);
	if (e->label == NULL) {
		abort();
	}
	snprintf(e->label, name_len + version_len + 2, "%s %s", e->name, e->version);
	return e;
}

void lockfile_finish(struct lockfile *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->entries[i].label);
		free(l->entries[i].name);
		free(l->entries[i].version);
		free(l->entries[i].path);
	}
	free(l->entries);
	*l = (struct lockfile){0};
}

enum lock_kind lockfile_kind(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;

	if (strcmp(name, "package-lock.json") == 0 || strcmp(name, "npm-shrinkwrap.json") == 0) {
		return LOCK_NPM;
	}
	if (strcmp(name, "Cargo.lock") == 0) {
		return LOCK_CARGO;
	}
	if (strcmp(name, "go.sum") == 0) {
		return LOCK_GO;
	}
	return strncmp(name, "requirements", 12) == 0 ? LOCK_PIP : LOCK_NONE;
}

/* ---- package-lock.json ---- */

/* "sha512-BASE64[ sha1-...]": the strongest that is known. */
static void take_integrity(struct lock_entry *e, const char *text)
{
	const char *strong = strstr(text, "sha512-"), *weak = strstr(text, "sha256-");

	if (strong != NULL) {
		take_base64(e, LOCK_HASH_SHA512, strong + 7, strcspn(strong + 7, " ?"));
	} else if (weak != NULL) {
		take_base64(e, LOCK_HASH_SHA256, weak + 7, strcspn(weak + 7, " ?"));
	}
}

static void add_npm(struct lockfile *l, const char *name, yyjson_val *package)
{
	const char *version = yyjson_get_str(yyjson_obj_get(package, "version")),
		   *resolved = yyjson_get_str(yyjson_obj_get(package, "resolved")),
		   *integrity = yyjson_get_str(yyjson_obj_get(package, "integrity")),
		   *alias = yyjson_get_str(yyjson_obj_get(package, "name"));
	struct lock_entry *e;
	const char *path;

	name = alias != NULL ? alias : name;
	if (version == NULL || resolved == NULL || strncmp(resolved, "http", 4) != 0) {
		return; /* the project itself, a link, a folder */
	}
	e = add(l, LOCK_NPM, name, strlen(name), version, strlen(version));
	path = strstr(resolved, "://");
	path = path != NULL ? strchr(path + 3, '/') : NULL;
	if (path != NULL) {
		e->path = copy(path, strcspn(path, "?#"));
	}
	if (integrity != NULL) {
		take_integrity(e, integrity);
	}
}

static const char *last_module(const char *key)
{
	static const char folder[] = "node_modules/";
	const char *name = key, *at = key;

	while ((at = strstr(at, folder)) != NULL) {
		at += sizeof(folder) - 1;
		name = at;
	}
	return name;
}

/* lockfileVersion 1 has "dependencies", nested; 2 has both; 3 has "packages". */
static void read_dependencies(struct lockfile *l, yyjson_val *dependencies, int depth)
{
	yyjson_obj_iter i = yyjson_obj_iter_with(dependencies);
	yyjson_val *key;

	while (depth < 64 && (key = yyjson_obj_iter_next(&i)) != NULL) {
		yyjson_val *package = yyjson_obj_iter_get_val(key);

		add_npm(l, yyjson_get_str(key), package);
		read_dependencies(l, yyjson_obj_get(package, "dependencies"), depth + 1);
	}
}

static int read_npm(struct lockfile *l, const char *text, size_t len, char *message, size_t size)
{
	yyjson_read_err error;
	yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)text, len, 0, NULL, &error);
	yyjson_val *root = yyjson_doc_get_root(doc), *packages = yyjson_obj_get(root, "packages"),
		   *key;
	yyjson_obj_iter i = yyjson_obj_iter_with(packages);
	int result = 0;

	if (doc == NULL) {
		snprintf(message, size, "no JSON: %s at byte %zu", error.msg, error.pos);
		return -1;
	}
	if (packages == NULL && yyjson_obj_get(root, "dependencies") == NULL) {
		snprintf(message, size, "it has neither packages nor dependencies");
		result = -1;
	}
	while ((key = yyjson_obj_iter_next(&i)) != NULL) {
		add_npm(l, last_module(yyjson_get_str(key)), yyjson_obj_iter_get_val(key));
	}
	if (packages == NULL) {
		read_dependencies(l, yyjson_obj_get(root, "dependencies"), 0);
	}
	yyjson_doc_free(doc);
	return result;
}

/* ---- texts of lines ---- */

/* Runs over lines; false at the end. */
static bool next_line(const char **at, const char *end, const char **ret_line, size_t *ret_len)
{
	const char *newline;

	if (*at >= end) {
		return false;
	}
	newline = memchr(*at, '\n', (size_t)(end - *at));
	*ret_line = *at;
	*ret_len = (size_t)((newline != NULL ? newline : end) - *at);
	*at = newline != NULL ? newline + 1 : end;
	return true;
}

/* The next word; NULL at the end of the line. */
static const char *next_word(const char **at, const char *end, size_t *ret_len)
{
	const char *word;

	while (*at < end && isspace((unsigned char)**at)) {
		(*at)++;
	}
	word = *at;
	while (*at < end && !isspace((unsigned char)**at)) {
		(*at)++;
	}
	*ret_len = (size_t)(*at - word);
	return *ret_len > 0 ? word : NULL;
}

/* ---- requirements.txt ---- */

struct requirement {
	const char *name, *version;
	size_t name_len, version_len;
};

/* "name[extra]==version" */
static void read_requirement(struct requirement *r, const char *word, size_t len)
{
	size_t name = 0, version;

	*r = (struct requirement){0};
	while (name < len && (isalnum((unsigned char)word[name]) || word[name] == '-' ||
				     word[name] == '_' || word[name] == '.')) {
		name++;
	}
	version = name;
	while (version < len && word[version] != '=') {
		version++;
	}
	if (name == 0 || version + 2 >= len || word[version + 1] != '=') {
		return;
	}
	version += 2;
	*r = (struct requirement){word, word + version, name, 0};
	while (version + r->version_len < len && r->version[r->version_len] != ';') {
		r->version_len++;
	}
}

static int read_pip(struct lockfile *l, const char *text, size_t len)
{
	static const char hash[] = "--hash=sha256:", strong[] = "--hash=sha512:";
	const char *at = text, *end = text + len, *line;
	struct requirement r = {0};
	bool continued = false;
	size_t n;

	while (next_line(&at, end, &line, &n)) {
		const char *word, *in = line, *stop = line + n;
		bool first = !continued;
		size_t word_len;

		continued = false;
		while ((word = next_word(&in, stop, &word_len)) != NULL && word[0] != '#') {
			if (word_len == 1 && word[0] == '\\') {
				continued = true;
			} else if (word_len > sizeof(hash) - 1 && r.name != NULL &&
				   (memcmp(word, hash, sizeof(hash) - 1) == 0 ||
					   memcmp(word, strong, sizeof(strong) - 1) == 0)) {
				take_hex(add(l, LOCK_PIP, r.name, r.name_len, r.version,
						 r.version_len),
					memcmp(word, hash, sizeof(hash) - 1) == 0
						? LOCK_HASH_SHA256
						: LOCK_HASH_SHA512,
					word + sizeof(hash) - 1, word_len - sizeof(hash) + 1);
			} else if (first) {
				read_requirement(&r, word, word_len);
			}
			first = false;
		}
	}
	return 0;
}

/* ---- Cargo.lock ---- */

/* `key = "value"` */
static bool toml_string(
	const char *line, size_t len, const char *key, const char **ret, size_t *ret_len)
{
	size_t n = strlen(key);
	const char *quote, *close;

	if (len < n + 4 || memcmp(line, key, n) != 0 || memcmp(line + n, " = \"", 4) != 0) {
		return false;
	}
	quote = line + n + 4;
	close = memchr(quote, '"', len - n - 4);
	*ret = quote;
	*ret_len = close != NULL ? (size_t)(close - quote) : 0;
	return close != NULL;
}

static int read_cargo(struct lockfile *l, const char *text, size_t len, char *message, size_t size)
{
	const char *at = text, *end = text + len, *line, *value;
	struct requirement r = {0};
	bool any = false;
	size_t n, value_len;

	while (next_line(&at, end, &line, &n)) {
		if (n >= 11 && memcmp(line, "[[package]]", 11) == 0) {
			r = (struct requirement){0};
			any = true;
		} else if (toml_string(line, n, "name", &value, &value_len)) {
			r.name = value;
			r.name_len = value_len;
		} else if (toml_string(line, n, "version", &value, &value_len)) {
			r.version = value;
			r.version_len = value_len;
		} else if (toml_string(line, n, "checksum", &value, &value_len) && r.name != NULL &&
			   r.version != NULL) {
			take_hex(add(l, LOCK_CARGO, r.name, r.name_len, r.version, r.version_len),
				LOCK_HASH_SHA256, value, value_len);
		}
	}
	if (!any) {
		snprintf(message, size, "it has no [[package]]");
		return -1;
	}
	return 0;
}

/* ---- go.sum ---- */

/* A capital is "!" and its small letter in a proxy's URL (go.dev/ref/mod#goproxy-protocol). */
static char *go_path(const char *module, size_t module_len, const char *version, size_t version_len,
	const char *suffix)
{
	char *path = malloc(2 * (module_len + version_len) + 16), *to = path;

	if (path == NULL) {
		abort();
	}
	*to++ = '/';
	for (size_t i = 0; i < module_len + version_len; i++) {
		char c = i < module_len ? module[i] : version[i - module_len];

		if (i == module_len) {
			memcpy(to, "/@v/", 4);
			to += 4;
		}
		if (c >= 'A' && c <= 'Z') {
			*to++ = '!';
			c = (char)(c - 'A' + 'a');
		}
		*to++ = c;
	}
	snprintf(to, 5, "%s", suffix);
	return path;
}

static int read_go(struct lockfile *l, const char *text, size_t len, char *message, size_t size)
{
	static const char go_mod[] = "/go.mod";
	const char *at = text, *end = text + len, *line;
	unsigned number = 0;
	size_t n;

	while (next_line(&at, end, &line, &n)) {
		const char *in = line, *stop = line + n, *module, *version, *hash;
		size_t module_len, version_len, hash_len;
		struct lock_entry *e;
		bool mod;

		number++;
		module = next_word(&in, stop, &module_len);
		if (module == NULL) {
			continue;
		}
		version = next_word(&in, stop, &version_len);
		hash = next_word(&in, stop, &hash_len);
		if (version == NULL || hash == NULL) {
			snprintf(message, size, "line %u is not: module version hash", number);
			return -1;
		}
		mod = version_len > 7 && memcmp(version + version_len - 7, go_mod, 7) == 0;
		e = add(l, LOCK_GO, module, module_len, version, version_len);
		e->path = go_path(module, module_len, version, version_len - (mod ? 7 : 0),
			mod ? ".mod" : ".zip");
		if (hash_len > 3 && memcmp(hash, "h1:", 3) == 0) {
			take_base64(e, mod ? LOCK_HASH_GO_MOD : LOCK_HASH_GO_ZIP, hash + 3,
				hash_len - 3);
		}
	}
	return 0;
}

int lockfile_read(struct lockfile *l, enum lock_kind kind, const char *text, size_t len,
	char *message, size_t size)
{
	switch (kind) {
	case LOCK_NPM: return read_npm(l, text, len, message, size);
	case LOCK_PIP: return read_pip(l, text, len);
	case LOCK_CARGO: return read_cargo(l, text, len, message, size);
	case LOCK_GO: return read_go(l, text, len, message, size);
	case LOCK_NONE: break;
	}
	snprintf(message, size,
		"not package-lock.json, requirements*.txt, Cargo.lock or go.sum, by its name");
	return -1;
}

/* ---- comparing ---- */

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && strcmp(text + n - m, end) == 0;
}

/* A mirror keeps the end of the path: .../NAME/-/FILE.tgz; the scope is part of the name. */
static bool npm_names(const struct lock_entry *e, const char *path)
{
	const char *dash = e->path != NULL ? strstr(e->path, "/-/") : NULL;
	const char *slash = strchr(e->name, '/');

	if (e->path == NULL || dash == NULL) {
		return e->path != NULL && strcmp(path, e->path) == 0;
	}
	if (!ends_with(path, dash)) {
		return false;
	}
	if (slash != NULL) {
		char *scope = copy(e->name, (size_t)(slash - e->name));
		bool there = strstr(path, scope) != NULL;

		free(scope);
		return there;
	}
	return strchr(path, '@') == NULL;
}

/* PEP 503: runs of - _ . are one; case does not count. */
static bool pip_names(const struct lock_entry *e, const char *path)
{
	const char *slash = strrchr(path, '/'), *file = slash != NULL ? slash + 1 : path,
		   *name = e->name;
	size_t len = strlen(e->version);

	while (*name != '\0') {
		if (strchr("-_.", *name) != NULL) {
			if (*file == '\0' || strchr("-_.", *file) == NULL) {
				return false;
			}
			name += strspn(name, "-_.");
			file += strspn(file, "-_.");
		} else if (tolower((unsigned char)*name++) != tolower((unsigned char)*file++)) {
			return false;
		}
	}
	return *file == '-' && strncmp(file + 1, e->version, len) == 0 &&
	       (file[1 + len] == '-' || strncmp(file + 1 + len, ".tar", 4) == 0 ||
		       strncmp(file + 1 + len, ".zip", 4) == 0);
}

static bool cargo_names(const struct lock_entry *e, const char *path)
{
	size_t size = strlen(e->name) + strlen(e->version) + 16;
	char *end = malloc(size);
	bool found;

	if (end == NULL) {
		abort();
	}
	snprintf(end, size, "/%s-%s.crate", e->name, e->version);
	found = ends_with(path, end);
	snprintf(end, size, "/%s/%s/download", e->name, e->version);
	found = found || ends_with(path, end);
	free(end);
	return found;
}

bool lock_entry_names(const struct lock_entry *e, const char *path)
{
	switch (e->kind) {
	case LOCK_NPM: return npm_names(e, path);
	case LOCK_PIP: return pip_names(e, path);
	case LOCK_CARGO: return cargo_names(e, path);
	case LOCK_GO: return ends_with(path, e->path);
	case LOCK_NONE: break;
	}
	return false;
}

/* The digest of that kind; NULL: not known. */
static const char *digest_of(const struct lock_digests *d, enum lock_hash hash, char made[65])
{
	char list[96];

	switch (hash) {
	case LOCK_HASH_SHA256: return d->sha256;
	case LOCK_HASH_SHA512: return d->sha512;
	case LOCK_HASH_GO_ZIP: return d->go_zip;
	case LOCK_HASH_GO_MOD:
		/* SHA-256 of the lines "digest  name" (golang.org/x/mod/sumdb/dirhash, Hash1). */
		if (d->sha256 == NULL) {
			return NULL;
		}
		snprintf(list, sizeof(list), "%.64s  go.mod\n", d->sha256);
		certs_sha256(list, strlen(list), made);
		return made;
	case LOCK_HASH_NONE: break;
	}
	return NULL;
}

bool lock_entry_fits(const struct lock_entry *e, const struct lock_digests *d)
{
	char made[65];
	const char *digest = digest_of(d, e->hash, made);

	return digest != NULL && strcmp(e->digest, digest) == 0;
}

bool lock_entry_compares(const struct lock_entry *e, const struct lock_digests *d)
{
	char made[65];

	return digest_of(d, e->hash, made) != NULL;
}
