/*
 * Values of options, from text.
 */
#include "cli/gateway_options.h"
#include "cli/verbs.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

int gateway_option_deadline(struct gateway_deadlines *deadlines, const char *text)
{
	static const struct {
		const char *name;
		size_t at;
	} names[] = {
		{"head", offsetof(struct gateway_deadlines, head)},
		{"idle", offsetof(struct gateway_deadlines, idle)},
		{"handshake", offsetof(struct gateway_deadlines, handshake)},
		{"connect", offsetof(struct gateway_deadlines, connect)},
		{"first-byte", offsetof(struct gateway_deadlines, first_byte)},
		{"tunnel", offsetof(struct gateway_deadlines, tunnel)},
	};
	size_t len = strcspn(text, "=");
	char *end;

	for (size_t i = 0; text[len] == '=' && i < sizeof(names) / sizeof(names[0]); i++) {
		if (strlen(names[i].name) == len && strncmp(names[i].name, text, len) == 0) {
			unsigned long seconds = strtoul(text + len + 1, &end, 10);

			if (text[len + 1] < '0' || text[len + 1] > '9' || *end != '\0' ||
				seconds == 0 || seconds > 86400) {
				break;
			}
			*(unsigned *)((char *)deadlines + names[i].at) = (unsigned)seconds;
			return 0;
		}
	}
	return complain("--deadline wants NAME=SECONDS, one of head, idle, handshake, connect, "
			"first-byte, tunnel: %s",
		text);
}

int gateway_option_at_most(struct gateway_limits *limits, const char *text)
{
	static const struct {
		const char *name;
		size_t at;
		unsigned long least, most;
	} names[] = {
		{"head", offsetof(struct gateway_limits, head), 1024, 16 * 1024 * 1024},
		{"fields", offsetof(struct gateway_limits, fields), 16, 16384},
		{"connections", offsetof(struct gateway_limits, connections), 1, 1000000},
	};
	size_t len = strcspn(text, "=");
	char *end;

	for (size_t i = 0; text[len] == '=' && i < sizeof(names) / sizeof(names[0]); i++) {
		unsigned long number = strtoul(text + len + 1, &end, 10);

		if (strlen(names[i].name) == len && strncmp(names[i].name, text, len) == 0 &&
			text[len + 1] >= '0' && text[len + 1] <= '9' && *end == '\0' &&
			number >= names[i].least && number <= names[i].most) {
			*(unsigned *)((char *)limits + names[i].at) = (unsigned)number;
			return 0;
		}
	}
	return complain("--at-most wants head=BYTES (from 1024), fields=N (from 16) or "
			"connections=N: %s",
		text);
}

/* "10", "10MiB", "7d": a number and one of the units; 0 when it is none. */
static uint64_t number_with_unit(const char *text, const char *const *units, const uint64_t *worth)
{
	char *end;
	uint64_t number = strtoull(text, &end, 10), value;

	if (text[0] < '0' || text[0] > '9') {
		return 0;
	}
	for (size_t i = 0; units[i] != NULL; i++) {
		if (strcmp(end, units[i]) == 0 &&
			!__builtin_mul_overflow(number, worth[i], &value) && value <= INT64_MAX) {
			return value;
		}
	}
	return 0;
}

int gateway_option_record(struct audit_options *options, const char *name, const char *text)
{
	static const char *const sizes[] = {"", "KiB", "MiB", "GiB", NULL};
	static const uint64_t bytes[] = {1, 1024, 1024 * 1024, 1024 * 1024 * 1024};
	static const char *const times[] = {"", "s", "m", "h", "d", NULL};
	static const uint64_t seconds[] = {1, 1, 60, 3600, 86400};
	bool is_size = strstr(name, "-size") != NULL;
	uint64_t value = is_size ? number_with_unit(text, sizes, bytes)
				 : number_with_unit(text, times, seconds);

	if (value == 0 || (!is_size && value > INT32_MAX)) {
		return complain(is_size ? "--%s wants a number of bytes, or of KiB, MiB, GiB: %s"
					: "--%s wants a number of seconds, or with m, h, d: %s",
			name, text);
	}
	if (strcmp(name, "rotate-size") == 0) {
		options->segment_bytes = value;
	} else if (strcmp(name, "rotate-age") == 0) {
		options->segment_seconds = (unsigned)value;
	} else if (strcmp(name, "keep-size") == 0) {
		options->keep_bytes = value;
	} else {
		options->keep_seconds = (unsigned)value;
	}
	return 0;
}
