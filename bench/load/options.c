/*
 * Options of the load generator, each NAME=VALUE or NAME.
 */
#include "bench/load/options.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

static bool number(const char *text, uint64_t most, uint64_t *ret)
{
	char *end;
	uint64_t value = strtoull(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end != '\0' || value > most) {
		return false;
	}
	*ret = value;
	return true;
}

/* Loopback alone: a load generator that can be pointed at others is a weapon. */
static bool place(const char *text, struct sockaddr_in *ret)
{
	uint64_t port;

	if (strncmp(text, "127.0.0.1:", 10) != 0 || !number(text + 10, 65535, &port) || port == 0) {
		return false;
	}
	*ret = (struct sockaddr_in){.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	return true;
}

static bool flag(struct load_options *o, const char *name)
{
	const struct {
		const char *name;
		bool *value;
	} flags[] = {{"proxy", &o->proxy}, {"plain", &o->plain}, {"resume", &o->resume},
		{"wait", &o->wait}, {"hold", &o->hold}};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (strcmp(flags[i].name, name) == 0) {
			*flags[i].value = true;
			return true;
		}
	}
	return false;
}

static bool value(struct load_options *o, const char *name, size_t len, const char *text)
{
	static const char *const names[] = {
		"connections", "per-connection", "rate", "requests", "upload", "seconds"};
	static const uint64_t most[] = {
		20000, 1000000000, 1000000, 1000000000000, 1099511627776, 3600};
	uint64_t n;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strlen(names[i]) != len || strncmp(names[i], name, len) != 0) {
			continue;
		}
		if (!number(text, most[i], &n)) {
			return false;
		}
		switch (i) {
		case 0: o->connections = (unsigned)n; return n > 0;
		case 1: o->per_connection = (unsigned)n; return true;
		case 2: o->rate = (unsigned)n; return true;
		case 3: o->requests = n; return n > 0;
		case 4: o->upload = n; return true;
		default: o->seconds = (double)n; return n > 0;
		}
	}
	return false;
}

int load_options_parse(int argc, char **argv, struct load_options *o, const char **ret_wrong)
{
	bool placed = false;

	*o = (struct load_options){.connections = 1, .requests = 1, .seconds = 60};
	for (int i = 1; i < argc; i++) {
		const char *equals = strchr(argv[i], '=');
		size_t len = equals != NULL ? (size_t)(equals - argv[i]) : 0;
		bool good;

		if (equals == NULL) {
			good = flag(o, argv[i]);
		} else if (len == 2 && strncmp(argv[i], "at", 2) == 0) {
			good = placed = place(equals + 1, &o->at);
		} else if (len == 4 && strncmp(argv[i], "host", 4) == 0) {
			o->host = equals + 1;
			good = strrchr(o->host, ':') != NULL && strlen(o->host) < 200;
		} else if (len == 4 && strncmp(argv[i], "path", 4) == 0) {
			o->path = equals + 1;
			good = o->path[0] == '/' && strlen(o->path) < 1000;
		} else {
			good = value(o, argv[i], len, equals + 1);
		}
		if (!good) {
			*ret_wrong = argv[i];
			return -1;
		}
	}
	*ret_wrong = !placed ? "at=" : o->host == NULL ? "host=" : o->path == NULL ? "path=" : NULL;
	return *ret_wrong == NULL ? 0 : -1;
}
