/*
 * Looking into a parsed head, and what can be wrong with one in words.
 */
#include "gateway/http.h"

#include <string.h>
#include <strings.h>

#include "gateway/http_parse.h"

static const struct {
	const char *word, *sentence;
} errors[] = {
	[HTTP_OK] = {"ok", "well-formed"},
	[HTTP_ESYNTAX] = {"syntax", "not an HTTP/1 message"},
	[HTTP_EMETHOD] = {"method", "the method is not one that HTTP knows"},
	[HTTP_EVERSION] = {"version", "only HTTP/1.0 and HTTP/1.1 are spoken here"},
	[HTTP_ETARGET] = {"target", "the request target holds a byte that no target may hold"},
	[HTTP_EFIELD] = {"field", "a header field is malformed, folded, has a space before its "
				  "colon, or is hidden by Connection"},
	[HTTP_ECONTROL] = {"control", "a control character, or a CR or LF alone"},
	[HTTP_ELENGTH] = {"length", "Content-Length is repeated, malformed or too large"},
	[HTTP_ECODING] = {"coding", "Transfer-Encoding is not a single `chunked`, or stands beside "
				    "Content-Length"},
	[HTTP_ECHUNK] = {"chunk", "the chunked body is malformed"},
	[HTTP_EHOST] = {"host", "Host is missing or repeated"},
	[HTTP_ETOOLARGE] = {"too-large", "the head is larger than this gateway accepts"},
	[HTTP_ESTATUS] = {"status", "the response's status line is malformed, or announces a body "
				    "where none may be"},
	[HTTP_EEOF] = {"eof", "the connection ended inside a message"},
	[HTTP_EMEMORY] = {"memory", "memory is out"},
};

const char *http_error_word(enum http_error error)
{
	return errors[error].word;
}

const char *http_error_sentence(enum http_error error)
{
	return errors[error].sentence;
}

const char *http_field(const struct http_head *head, const char *name)
{
	for (size_t i = 0; i < head->n_fields; i++) {
		if (strcasecmp(head->fields[i].name, name) == 0) {
			return head->fields[i].value;
		}
	}
	return NULL;
}

bool http_wants_websocket(const struct http_head *head)
{
	return head->upgrade != NULL && strcasecmp(head->upgrade, "websocket") == 0;
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
