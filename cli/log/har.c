/*
 * A request as an entry of an HTTP Archive. Heads are on record in part and bodies only as digests:
 * what is not known is said as the format wants it said, -1 or empty.
 *
 * Source: HAR 1.2 Spec (J. Odvarko), W3C Web Performance draft.
 */
#include "cli/log/export.h"
#include "cli/log/query.h"
#include "cli/log/values.h"
#include "cli/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* [[name, value], ...] as [{name:, value:}, ...]. */
static void add_headers(
	yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name, const char *headers)
{
	yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, object, name);
	yyjson_doc *from = headers != NULL ? yyjson_read(headers, strlen(headers), 0) : NULL;
	yyjson_val *pair;
	yyjson_arr_iter i = yyjson_arr_iter_with(yyjson_doc_get_root(from));

	while ((pair = yyjson_arr_iter_next(&i)) != NULL) {
		const char *field = yyjson_get_str(yyjson_arr_get(pair, 0)),
			   *value = yyjson_get_str(yyjson_arr_get(pair, 1));

		if (field != NULL && value != NULL) {
			yyjson_mut_val *entry = yyjson_mut_arr_add_obj(doc, list);

			yyjson_mut_obj_add_strcpy(doc, entry, "name", field);
			yyjson_mut_obj_add_strcpy(doc, entry, "value", value);
		}
	}
	yyjson_doc_free(from);
}

static void add_query(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *query)
{
	yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, object, "queryString");

	while (query != NULL && *query != '\0') {
		size_t len = strcspn(query, "&"), name = strcspn(query, "=&");
		yyjson_mut_val *entry = yyjson_mut_arr_add_obj(doc, list);
		char *part = strndup(query, len);

		if (part == NULL) {
			abort();
		}
		export_text(doc, entry, "value", name < len ? part + name + 1 : "");
		part[name] = '\0';
		export_text(doc, entry, "name", part);
		free(part);
		query += len + (query[len] == '&');
	}
}

static void add_time(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name, int64_t ns)
{
	time_t seconds = (time_t)(ns / 1000000000);
	struct tm tm;
	char day[32], text[48];

	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &tm));
	snprintf(text, sizeof(text), "%s.%03dZ", day, (int)(ns / 1000000 % 1000));
	yyjson_mut_obj_add_strcpy(doc, object, name, text);
}

static void add_request(yyjson_mut_doc *doc, yyjson_mut_val *entry,
	const struct audit_record *intent, const struct audit_record *r)
{
	yyjson_mut_val *request = yyjson_mut_obj_add_obj(doc, entry, "request");
	struct text url = {0};

	export_text(doc, request, "method", r->method);
	export_text(doc, request, "url", export_url(&url, r));
	yyjson_mut_obj_add_str(doc, request, "httpVersion", "HTTP/1.1");
	yyjson_mut_obj_add_arr(doc, request, "cookies");
	add_headers(doc, request, "headers", intent != NULL ? intent->request_headers : NULL);
	add_query(doc, request, r->query);
	yyjson_mut_obj_add_int(doc, request, "headersSize", -1);
	yyjson_mut_obj_add_int(doc, request, "bodySize", r->request_bytes);
	text_finish(&url);
}

static void add_response(yyjson_mut_doc *doc, yyjson_mut_val *entry, const struct audit_record *r)
{
	yyjson_mut_val *response = yyjson_mut_obj_add_obj(doc, entry, "response"), *content;
	char *type = export_header(r->response_headers, "content-type"),
	     *location = export_header(r->response_headers, "location");

	yyjson_mut_obj_add_int(doc, response, "status", r->status);
	yyjson_mut_obj_add_str(doc, response, "statusText", "");
	yyjson_mut_obj_add_str(doc, response, "httpVersion", "HTTP/1.1");
	yyjson_mut_obj_add_arr(doc, response, "cookies");
	add_headers(doc, response, "headers", r->response_headers);
	content = yyjson_mut_obj_add_obj(doc, response, "content");
	yyjson_mut_obj_add_int(doc, content, "size", r->response_bytes > 0 ? r->response_bytes : 0);
	export_text(doc, content, "mimeType", type != NULL ? type : "");
	export_text(doc, content, "_sha256", r->response_sha256);
	export_text(doc, response, "redirectURL", location != NULL ? location : "");
	yyjson_mut_obj_add_int(doc, response, "headersSize", -1);
	yyjson_mut_obj_add_int(doc, response, "bodySize", r->response_bytes);
	free(type);
	free(location);
}

static double ms(int64_t ns)
{
	return ns > 0 ? (double)ns / 1e6 : 0;
}

/*
 * blocked + dns + connect + send + wait + receive is the whole; ssl is part of connect. Names are
 * resolved within our connect time.
 */
static void add_timings(yyjson_mut_doc *doc, yyjson_mut_val *entry, const struct audit_record *r)
{
	yyjson_mut_val *timings = yyjson_mut_obj_add_obj(doc, entry, "timings");
	int64_t connect = r->connect_ns + r->tls_ns;
	int64_t wait = r->first_byte_ns - r->decide_ns - connect;
	int64_t receive = r->first_byte_ns > 0 ? r->total_ns - r->first_byte_ns
					       : r->total_ns - r->decide_ns - connect;

	yyjson_mut_obj_add_real(doc, timings, "blocked", ms(r->decide_ns));
	yyjson_mut_obj_add_int(doc, timings, "dns", -1);
	yyjson_mut_obj_add_real(doc, timings, "connect", r->connect_ns > 0 ? ms(connect) : -1);
	yyjson_mut_obj_add_real(doc, timings, "ssl", r->tls_ns > 0 ? ms(r->tls_ns) : -1);
	yyjson_mut_obj_add_real(doc, timings, "send", 0);
	yyjson_mut_obj_add_real(doc, timings, "wait", ms(wait));
	yyjson_mut_obj_add_real(doc, timings, "receive", ms(receive));
}

static void add_address(yyjson_mut_doc *doc, yyjson_mut_val *entry, const char *address)
{
	struct export_endpoint to;
	char port[16];

	if (export_endpoint(address, &to)) {
		snprintf(port, sizeof(port), "%d", to.port);
		export_text(doc, entry, "serverIPAddress", to.ip);
		export_text(doc, entry, "connection", port);
		export_endpoint_finish(&to);
	}
}

void har_entry(const struct audit_record *intent, const struct audit_record *r, bool first)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *entry = doc != NULL ? yyjson_mut_obj(doc) : NULL;
	int64_t began = intent != NULL && intent != r ? intent->time_ns - r->decide_ns
						      : r->time_ns - r->total_ns;

	if (entry == NULL) {
		abort();
	}
	yyjson_mut_doc_set_root(doc, entry);
	add_time(doc, entry, "startedDateTime", began);
	yyjson_mut_obj_add_real(doc, entry, "time", ms(r->total_ns));
	add_request(doc, entry, intent, r);
	add_response(doc, entry, r);
	yyjson_mut_obj_add_obj(doc, entry, "cache");
	add_timings(doc, entry, r);
	add_address(doc, entry, r->address);
	export_text(doc, entry, "comment", r->detail);
	export_text(doc, entry, "_verdict", r->verdict);
	export_text(doc, entry, "_rule", r->rule);
	export_text(doc, entry, "_reason", r->reason != NULL ? r->reason : r->end);
	yyjson_mut_obj_add_uint(doc, entry, "_request", r->request);
	export_text(doc, entry, "_run", r->run);
	fputs(first ? "\n" : ",\n", stdout);
	export_print(doc, "");
}
