#include "cli/log/values.h"
#include "cli/log/query.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void export_text(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name, const char *text)
{
	size_t size, len;
	char *quoted;

	if (text == NULL) {
		return;
	}
	size = 6 * strlen(text) + 2;
	quoted = malloc(size);
	len = quoted != NULL ? audit_json_string(text, quoted, size) : 0;
	if (len == 0 ||
		!yyjson_mut_obj_add_val(doc, object, name, yyjson_mut_rawncpy(doc, quoted, len))) {
		abort();
	}
	free(quoted);
}

void export_print(yyjson_mut_doc *doc, const char *end)
{
	size_t len;
	char *text = yyjson_mut_write(doc, 0, &len);

	if (text == NULL) {
		abort();
	}
	fwrite(text, 1, len, stdout);
	fputs(end, stdout);
	free(text);
	yyjson_mut_doc_free(doc);
}

char *export_header(const char *headers, const char *name)
{
	yyjson_doc *doc = headers != NULL ? yyjson_read(headers, strlen(headers), 0) : NULL;
	yyjson_val *list = yyjson_doc_get_root(doc), *pair;
	yyjson_arr_iter i = yyjson_arr_iter_with(list);
	char *value = NULL;

	while (value == NULL && (pair = yyjson_arr_iter_next(&i)) != NULL) {
		const char *field = yyjson_get_str(yyjson_arr_get(pair, 0)),
			   *text = yyjson_get_str(yyjson_arr_get(pair, 1));

		if (field != NULL && text != NULL && strcasecmp(field, name) == 0) {
			value = strdup(text);
		}
	}
	yyjson_doc_free(doc);
	return value;
}

const char *export_url(struct text *text, const struct audit_record *r)
{
	if (r->host == NULL) {
		return "about:invalid";
	}
	log_url(text, r);
	return text->data;
}

static char *part_of(const char *text, size_t len)
{
	char *part = strndup(text, len);

	if (part == NULL) {
		abort(); /* as text.c does */
	}
	return part;
}

bool export_endpoint(const char *text, struct export_endpoint *ret)
{
	const char *at = text != NULL ? strrchr(text, '@') : NULL;
	const char *address = at != NULL ? at + 1 : text;
	const char *colon = address != NULL ? strrchr(address, ':') : NULL;
	bool bracketed;

	if (colon == NULL) {
		return false;
	}
	bracketed = address[0] == '[' && colon > address + 1 && colon[-1] == ']';
	ret->who = at != NULL ? part_of(text, (size_t)(at - text)) : NULL;
	ret->ip = part_of(address + bracketed, (size_t)(colon - address) - 2u * bracketed);
	ret->port = atoi(colon + 1);
	return true;
}

void export_endpoint_finish(struct export_endpoint *e)
{
	free(e->who);
	free(e->ip);
}
