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
