/*
 * Everything that names a destination, brought to one canonical form and compared: request line,
 * Host, the CONNECT or door's name, SNI. Comes between the head and the rules; the target made here
 * is the one judged, recorded and written. Names that differ are refused, never ranked: whichever
 * were preferred, somebody downstream prefers the other.
 *
 * Knows nothing of what is allowed.
 */
#include "gateway/http_target.h"
#include "gateway/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* One thing that names a destination; port 0 = none was written. */
struct authority {
	char host[RULES_HOST_MAX];
	bool is_address;
	uint16_t port;
};

static int refuse(struct http_target_diag *diag, int error, const char *word, const char *format,
	...) __attribute__((format(printf, 4, 5)));

static int refuse(
	struct http_target_diag *diag, int error, const char *word, const char *format, ...)
{
	va_list args;

	diag->word = word;
	va_start(args, format);
	vsnprintf(diag->message, sizeof(diag->message), format, args);
	va_end(args);
	return error;
}

static int refuse_text(struct http_target_diag *diag, const char *what, int error)
{
	return refuse(diag, HTTP_TARGET_EBAD, rules_target_word(error), "%s: %s", what,
		rules_target_strerror(error));
}

static uint16_t port_or_default(uint16_t port, enum rules_scheme scheme)
{
	return port != 0 ? port : rules_default_port(scheme);
}

/* ---- the forms of RFC 9112 3.2 ---- */

/* Memory for the strings of a target read from `len` bytes (rules/target.h). */
static char *room_for(struct arena *arena, size_t len, size_t *ret_size)
{
	*ret_size = 2 * len + 300;
	return arena_alloc(arena, *ret_size);
}

static int read_absolute(const char *text, const struct http_origin *origin, struct arena *arena,
	struct rules_target *target, struct http_target_diag *diag)
{
	size_t len = strlen(text), size;
	char *buf = room_for(arena, len, &size);
	int error;

	if (buf == NULL) {
		return HTTP_TARGET_EMEMORY;
	}
	error = rules_target_from_url(text, len, target, buf, size);
	if (error != RULES_TARGET_OK) {
		return refuse_text(diag, "the request line", error);
	}
	if (origin->scheme != RULES_SCHEME_NONE && target->scheme != origin->scheme) {
		return refuse(diag, HTTP_TARGET_EMISMATCH, "scheme-mismatch",
			"the request line says %s on a connection that speaks %s",
			rules_scheme_name(target->scheme), rules_scheme_name(origin->scheme));
	}
	return HTTP_TARGET_OK;
}

/* Path and query; host and port come from the origin or, where that has no name, from Host. */
static int read_origin_form(const char *text, const struct http_origin *origin,
	const struct authority *host, struct arena *arena, struct rules_target *target,
	struct http_target_diag *diag)
{
	size_t len = strlen(text), size;
	char *buf = room_for(arena, len, &size);
	int error;

	if (buf == NULL) {
		return HTTP_TARGET_EMEMORY;
	}
	if (origin->scheme != RULES_HTTP && origin->scheme != RULES_HTTPS) {
		return refuse(diag, HTTP_TARGET_EFORM, "form",
			"a proxy wants the whole URL in the request line");
	}
	target->scheme = origin->scheme;
	if (origin->host != NULL) {
		target->host = origin->host;
		target->host_is_address = origin->host_is_address;
	} else if (origin->sni != NULL) {
		target->host = origin->sni;
	} else if (host != NULL) {
		target->host = arena_copy(arena, host->host, strlen(host->host));
		target->host_is_address = host->is_address;
		if (target->host == NULL) {
			return HTTP_TARGET_EMEMORY;
		}
	} else {
		return refuse(diag, HTTP_TARGET_EFORM, "host-missing", "nothing names the host");
	}
	target->port = origin->port;
	if (target->port == 0) {
		target->port = port_or_default(host != NULL ? host->port : 0, origin->scheme);
	}
	error = rules_path(text, len, target, buf, size);
	return error == RULES_TARGET_OK ? HTTP_TARGET_OK
					: refuse_text(diag, "the request line", error);
}

/* Forms that name no resource here: "*", "host:port" of CONNECT, a path without its slash. */
static int refuse_form(const struct http_head *head, struct http_target_diag *diag)
{
	if (strcmp(head->method, "CONNECT") == 0) {
		return refuse(diag, HTTP_TARGET_EFORM, "connect", "CONNECT has no place here");
	}
	if (strcmp(head->target, "*") == 0) {
		return refuse(diag, HTTP_TARGET_EFORM, "form",
			"\"*\" asks about a whole server, which no rule speaks of");
	}
	return refuse(diag, HTTP_TARGET_EFORM, "form",
		"the request line has neither a path that begins with \"/\" nor a URL");
}

/* ---- agreement ---- */

static int check_host(const struct authority *host, const struct rules_target *target,
	struct http_target_diag *diag)
{
	if (strcmp(host->host, target->host) != 0) {
		return refuse(diag, HTTP_TARGET_EMISMATCH, "host-mismatch",
			"Host is %.80s, but the connection or the request line goes to %.80s",
			host->host, target->host);
	}
	if (port_or_default(host->port, target->scheme) != target->port) {
		return refuse(diag, HTTP_TARGET_EMISMATCH, "port-mismatch",
			"Host names port %u, but the connection or the request line goes to %u",
			port_or_default(host->port, target->scheme), target->port);
	}
	return HTTP_TARGET_OK;
}

static int check_origin(const struct http_origin *origin, const struct rules_target *target,
	struct http_target_diag *diag)
{
	if (origin->host != NULL && strcmp(origin->host, target->host) != 0) {
		return refuse(diag, HTTP_TARGET_EMISMATCH, "connect-mismatch",
			"the request goes to %.80s on a connection to %.80s", target->host,
			origin->host);
	}
	if (origin->port != 0 && origin->port != target->port) {
		return refuse(diag, HTTP_TARGET_EMISMATCH, "port-mismatch",
			"the request goes to port %u on a connection to port %u", target->port,
			origin->port);
	}
	if (origin->sni != NULL && strcmp(origin->sni, target->host) != 0) {
		return refuse(diag, HTTP_TARGET_EMISMATCH, "sni-mismatch",
			"the request goes to %.80s, but TLS was asked for %.80s", target->host,
			origin->sni);
	}
	return HTTP_TARGET_OK;
}

static int read_host(const char *text, struct authority *ret_host, struct http_target_diag *diag)
{
	int error = rules_authority(
		text, strlen(text), ret_host->host, &ret_host->is_address, &ret_host->port);

	return error == RULES_TARGET_OK ? HTTP_TARGET_OK : refuse_text(diag, "Host", error);
}

int http_target_build(const struct http_head *head, const struct http_origin *origin,
	struct arena *arena, struct rules_target *ret_target, struct http_target_diag *diag)
{
	struct rules_target target = {0};
	struct authority host;
	bool has_host = head->host != NULL;
	int error = HTTP_TARGET_OK;

	if (strcmp(head->method, "CONNECT") == 0) {
		return refuse_form(head, diag);
	}
	if (has_host) {
		error = read_host(head->host, &host, diag);
	}
	if (error == HTTP_TARGET_OK) {
		if (head->target[0] == '/') {
			error = read_origin_form(head->target, origin, has_host ? &host : NULL,
				arena, &target, diag);
		} else if (strstr(head->target, "://") != NULL) {
			error = read_absolute(head->target, origin, arena, &target, diag);
		} else {
			error = refuse_form(head, diag);
		}
	}
	if (error == HTTP_TARGET_OK && has_host) {
		error = check_host(&host, &target, diag);
	}
	if (error == HTTP_TARGET_OK) {
		error = check_origin(origin, &target, diag);
	}
	if (error == HTTP_TARGET_OK) {
		*ret_target = target;
	}
	return error;
}

int http_target_connect(const struct http_head *head, char ret_host[RULES_HOST_MAX],
	bool *ret_is_address, uint16_t *ret_port, struct http_target_diag *diag)
{
	struct authority to, host;
	int error = rules_authority(
		head->target, strlen(head->target), to.host, &to.is_address, &to.port);

	if (error != RULES_TARGET_OK) {
		return refuse_text(diag, "CONNECT wants host:port", error);
	}
	if (to.port == 0) {
		return refuse(diag, HTTP_TARGET_EBAD, rules_target_word(RULES_TARGET_EPORT),
			"CONNECT wants host:port: no port was given");
	}
	if (head->host != NULL) {
		const struct rules_target target = {
			.scheme = RULES_TCP, .host = to.host, .port = to.port};

		error = read_host(head->host, &host, diag);
		if (error == HTTP_TARGET_OK) {
			host.port = host.port != 0 ? host.port : to.port;
			error = check_host(&host, &target, diag);
		}
		if (error != HTTP_TARGET_OK) {
			return error;
		}
	}
	strcpy(ret_host, to.host);
	*ret_is_address = to.is_address;
	*ret_port = to.port;
	return HTTP_TARGET_OK;
}
