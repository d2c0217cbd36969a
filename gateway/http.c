/*
 * Looking into a parsed head.
 */
#include "gateway/http.h"

#include <string.h>
#include <strings.h>

const char *http_field(const struct http_head *head, const char *name)
{
	for (size_t i = 0; i < head->n_fields; i++) {
		if (strcasecmp(head->fields[i].name, name) == 0) {
			return head->fields[i].value;
		}
	}
	return NULL;
}

bool http_list_has(const char *list, const char *token)
{
	size_t len = strlen(token);

	while (*list != '\0') {
		size_t part;

		list += strspn(list, " \t,");
		part = strcspn(list, ",");
		while (part > 0 && (list[part - 1] == ' ' || list[part - 1] == '\t')) {
			part--;
		}
		if (part == len && strncasecmp(list, token, len) == 0) {
			return true;
		}
		list += strcspn(list, ",");
	}
	return false;
}
