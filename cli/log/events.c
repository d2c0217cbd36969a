/*
 * A record as an event of OCSF 1.3 (HTTP Activity 4002, Network Activity 4001, DNS Activity 4003)
 * and as a span of OpenTelemetry (OTLP/JSON 1.x, semantic conventions for HTTP 1.2x).
 */
#include "certs/certs.h"
#include "cli/log/export.h"
#include "cli/log/query.h"
#include "cli/log/values.h"
#include "cli/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static yyjson_mut_doc *new_doc(void)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);

	if (doc == NULL) {
		abort();
	}
	yyjson_mut_doc_set_root(doc, yyjson_mut_obj(doc));
	return doc;
}

static bool is_refused(const struct audit_record *r)
{
	return r->verdict != NULL && strcmp(r->verdict, "deny") == 0;
}

/* Not "unknown": it was found, in doubt or not. */
static bool is_program_known(const struct audit_record *r)
{
	return r->program != NULL && r->program[0] == '/';
}

/* ---- OCSF ---- */

enum { OCSF_NETWORK = 4001, OCSF_HTTP = 4002, OCSF_DNS = 4003 };

static unsigned http_activity(const char *method)
{
	static const char *const methods[] = {
		"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT", "TRACE"};

	for (unsigned i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (strcmp(methods[i], method) == 0) {
			return i + 1;
		}
	}
	return 99;
}

/* A CONNECT that became a tunnel is traffic. */
static bool is_http(const struct audit_record *r)
{
	return r->method != NULL && (r->verdict == NULL || strcmp(r->verdict, "tunnel") != 0);
}

static void ocsf_class(yyjson_mut_doc *doc, yyjson_mut_val *event, const struct audit_record *r)
{
	unsigned class = r->kind == AUDIT_DNS ? OCSF_DNS : is_http(r) ? OCSF_HTTP : OCSF_NETWORK;
	/* Network: 5 Refuse, 6 Traffic. DNS: 6 Traffic. */
	unsigned activity = class == OCSF_HTTP                       ? http_activity(r->method)
			    : class == OCSF_NETWORK && is_refused(r) ? 5
								     : 6;

	yyjson_mut_obj_add_uint(doc, event, "category_uid", 4);
	yyjson_mut_obj_add_uint(doc, event, "class_uid", class);
	yyjson_mut_obj_add_uint(doc, event, "activity_id", activity);
	yyjson_mut_obj_add_uint(doc, event, "type_uid", class * 100 + activity);
	yyjson_mut_obj_add_uint(doc, event, "severity_id", is_refused(r) ? 2 : 1);
	yyjson_mut_obj_add_uint(doc, event, "action_id", is_refused(r) ? 2 : 1);
	yyjson_mut_obj_add_uint(doc, event, "disposition_id", is_refused(r) ? 2 : 1);
	/* An intent that was allowed and has no outcome: nobody knows. */
	yyjson_mut_obj_add_uint(doc, event, "status_id",
		is_refused(r)             ? 2
		: r->kind == AUDIT_INTENT ? 0
					  : 1);
	export_text(doc, event, "status_detail", r->end != NULL ? r->end : r->reason);
	export_text(doc, event, "message", r->detail);
}

static void ocsf_metadata(yyjson_mut_doc *doc, yyjson_mut_val *event, const struct audit_record *r)
{
	yyjson_mut_val *metadata = yyjson_mut_obj_add_obj(doc, event, "metadata"), *product,
		       *profiles;
	char uid[160];

	product = yyjson_mut_obj_add_obj(doc, metadata, "product");
	yyjson_mut_obj_add_str(doc, product, "name", "Sallyport");
	yyjson_mut_obj_add_str(doc, product, "vendor_name", "Sallyport");
	yyjson_mut_obj_add_str(doc, product, "version", SALLYPORT_VERSION);
	yyjson_mut_obj_add_str(doc, metadata, "version", "1.3.0");
	/* The profile that knows actions, dispositions and rules, and the one that knows processes.
	 */
	profiles = yyjson_mut_obj_add_arr(doc, metadata, "profiles");
	yyjson_mut_arr_add_str(doc, profiles, "security_control");
	if (is_program_known(r)) {
		yyjson_mut_arr_add_str(doc, profiles, "host");
	}
	snprintf(uid, sizeof(uid), "%s/%llu", r->run != NULL ? r->run : "-",
		(unsigned long long)r->seq);
	yyjson_mut_obj_add_strcpy(doc, metadata, "uid", uid);
	yyjson_mut_obj_add_uint(doc, metadata, "sequence", r->seq);
	if (r->rule != NULL) {
		yyjson_mut_val *rule = yyjson_mut_obj_add_obj(doc, event, "firewall_rule");

		export_text(doc, rule, "name", r->rule);
	}
}

static void ocsf_endpoint(yyjson_mut_doc *doc, yyjson_mut_val *endpoint, const char *text)
{
	struct export_endpoint e;

	if (!export_endpoint(text, &e)) {
		return;
	}
	export_text(doc, endpoint, "ip", e.ip);
	yyjson_mut_obj_add_int(doc, endpoint, "port", e.port);
	if (e.who != NULL) {
		export_text(doc, yyjson_mut_obj_add_obj(doc, endpoint, "owner"), "name", e.who);
	}
	export_endpoint_finish(&e);
}

static void ocsf_http(yyjson_mut_doc *doc, yyjson_mut_val *event, const struct audit_record *intent,
	const struct audit_record *r)
{
	yyjson_mut_val *request = yyjson_mut_obj_add_obj(doc, event, "http_request"), *url,
		       *response;
	char *agent = export_header(intent != NULL ? intent->request_headers : NULL, "user-agent");
	struct text text = {0};

	export_text(doc, request, "http_method", r->method);
	export_text(doc, request, "user_agent", agent);
	url = yyjson_mut_obj_add_obj(doc, request, "url");
	export_text(doc, url, "url_string", export_url(&text, r));
	export_text(doc, url, "scheme", r->scheme);
	export_text(doc, url, "hostname", r->host);
	if (r->port != 0) {
		yyjson_mut_obj_add_uint(doc, url, "port", r->port);
	}
	export_text(doc, url, "path", r->path);
	export_text(doc, url, "query_string", r->query);
	/* Required by the class; 0: none came. */
	response = yyjson_mut_obj_add_obj(doc, event, "http_response");
	yyjson_mut_obj_add_int(doc, response, "code", r->status);
	free(agent);
	text_finish(&text);
}

static void ocsf_connection(
	yyjson_mut_doc *doc, yyjson_mut_val *event, const struct audit_record *r)
{
	const char *address = r->address != NULL ? r->address : r->wanted;

	yyjson_mut_val *to = yyjson_mut_obj_add_obj(doc, event, "dst_endpoint");

	export_text(doc, to, "hostname", r->host);
	if (address != NULL) {
		ocsf_endpoint(doc, to, address);
	} else if (r->port != 0) {
		yyjson_mut_obj_add_uint(doc, to, "port", r->port);
	}
	if (r->host == NULL && address == NULL) {
		yyjson_mut_obj_add_str(doc, to, "name", "unknown"); /* something is required */
	}
	if (r->kind == AUDIT_OUTCOME) {
		yyjson_mut_val *traffic = yyjson_mut_obj_add_obj(doc, event, "traffic");

		yyjson_mut_obj_add_int(doc, traffic, "bytes_out", r->request_bytes);
		yyjson_mut_obj_add_int(doc, traffic, "bytes_in", r->response_bytes);
		yyjson_mut_obj_add_int(doc, traffic, "bytes", r->request_bytes + r->response_bytes);
		yyjson_mut_obj_add_int(doc, event, "duration", r->total_ns / 1000000);
	}
	if (r->tls_version != NULL) {
		yyjson_mut_val *tls = yyjson_mut_obj_add_obj(doc, event, "tls");

		export_text(doc, tls, "version", r->tls_version);
		export_text(doc, tls, "cipher", r->tls_cipher);
	}
}

/* Who asked, by the profile `host`; it stays out where it was looked for in vain. */
static void ocsf_actor(yyjson_mut_doc *doc, yyjson_mut_val *event, const struct audit_record *r)
{
	enum { REGULAR_FILE = 1 };
	yyjson_mut_val *process, *file;

	if (!is_program_known(r)) {
		return;
	}
	process =
		yyjson_mut_obj_add_obj(doc, yyjson_mut_obj_add_obj(doc, event, "actor"), "process");
	if (r->pid != 0) {
		yyjson_mut_obj_add_int(doc, process, "pid", r->pid);
	}
	export_text(doc, process, "name", strrchr(r->program, '/') + 1);
	file = yyjson_mut_obj_add_obj(doc, process, "file");
	export_text(doc, file, "name", strrchr(r->program, '/') + 1);
	export_text(doc, file, "path", r->program);
	yyjson_mut_obj_add_uint(doc, file, "type_id", REGULAR_FILE);
	if (r->parent_pid != 0) {
		yyjson_mut_obj_add_int(doc, yyjson_mut_obj_add_obj(doc, process, "parent_process"),
			"pid", r->parent_pid);
	}
}

void ocsf_event(const struct audit_record *intent, const struct audit_record *r)
{
	yyjson_mut_doc *doc = new_doc();
	yyjson_mut_val *event = yyjson_mut_doc_get_root(doc), *query;

	yyjson_mut_obj_add_int(doc, event, "time", r->time_ns / 1000000);
	ocsf_class(doc, event, r);
	ocsf_metadata(doc, event, r);
	ocsf_actor(doc, event, r);
	if (r->client != NULL) {
		ocsf_endpoint(doc, yyjson_mut_obj_add_obj(doc, event, "src_endpoint"), r->client);
	}
	if (r->kind == AUDIT_DNS) {
		query = yyjson_mut_obj_add_obj(doc, event, "query");
		export_text(doc, query, "hostname", r->host);
		export_text(doc, query, "type", r->detail);
	} else {
		ocsf_connection(doc, event, r);
	}
	if (is_http(r)) {
		ocsf_http(doc, event, intent, r);
	}
	export_print(doc, "\n");
}

/* ---- OpenTelemetry ---- */

static yyjson_mut_val *attribute(yyjson_mut_doc *doc, yyjson_mut_val *list, const char *key)
{
	yyjson_mut_val *entry = yyjson_mut_arr_add_obj(doc, list);

	yyjson_mut_obj_add_str(doc, entry, "key", key);
	return yyjson_mut_obj_add_obj(doc, entry, "value");
}

static void text_attribute(
	yyjson_mut_doc *doc, yyjson_mut_val *list, const char *key, const char *text)
{
	if (text != NULL) {
		export_text(doc, attribute(doc, list, key), "stringValue", text);
	}
}

/* 64-bit integers are strings in OTLP/JSON (protobuf's JSON mapping). */
static void add_int64(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name, int64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)value);
	yyjson_mut_obj_add_strcpy(doc, object, name, text);
}

static void number_attribute(
	yyjson_mut_doc *doc, yyjson_mut_val *list, const char *key, int64_t value, bool present)
{
	if (present) {
		add_int64(doc, attribute(doc, list, key), "intValue", value);
	}
}

/* As PREFIX.address and PREFIX.port. */
static void endpoint_attributes(
	yyjson_mut_doc *doc, yyjson_mut_val *list, bool is_client, const char *text)
{
	struct export_endpoint e;

	if (!export_endpoint(text, &e)) {
		return;
	}
	text_attribute(doc, list, is_client ? "client.address" : "network.peer.address", e.ip);
	number_attribute(doc, list, is_client ? "client.port" : "network.peer.port", e.port, true);
	text_attribute(doc, list, "user.name", e.who);
	export_endpoint_finish(&e);
}

/* The conventions want name and number apart. */
static void tls_attributes(yyjson_mut_doc *doc, yyjson_mut_val *list, const struct audit_record *r)
{
	if (r->tls_version != NULL && strncmp(r->tls_version, "TLSv", 4) == 0) {
		text_attribute(doc, list, "tls.protocol.name", "tls");
		text_attribute(doc, list, "tls.protocol.version", r->tls_version + 4);
	}
	text_attribute(doc, list, "tls.cipher", r->tls_cipher);
}

static void otel_attributes(yyjson_mut_doc *doc, yyjson_mut_val *span,
	const struct audit_record *intent, const struct audit_record *r)
{
	yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, span, "attributes");
	char *agent = export_header(intent != NULL ? intent->request_headers : NULL, "user-agent");
	struct text url = {0};

	text_attribute(doc, list, "http.request.method", r->method);
	text_attribute(doc, list, "url.full", is_http(r) ? export_url(&url, r) : NULL);
	text_attribute(doc, list, "server.address", r->host);
	number_attribute(doc, list, "server.port", r->port, r->port != 0);
	endpoint_attributes(doc, list, true, r->client);
	text_attribute(
		doc, list, "process.executable.path", is_program_known(r) ? r->program : NULL);
	number_attribute(doc, list, "process.pid", r->pid, r->pid != 0);
	text_attribute(doc, list, "user_agent.original", agent);
	number_attribute(doc, list, "http.response.status_code", r->status, r->status != 0);
	number_attribute(
		doc, list, "http.request.body.size", r->request_bytes, r->request_bytes >= 0);
	number_attribute(
		doc, list, "http.response.body.size", r->response_bytes, r->response_bytes >= 0);
	endpoint_attributes(doc, list, false, r->address);
	tls_attributes(doc, list, r);
	text_attribute(doc, list, "sallyport.verdict", r->verdict);
	text_attribute(doc, list, "sallyport.reason", r->reason != NULL ? r->reason : r->end);
	text_attribute(doc, list, "sallyport.rule", r->rule);
	text_attribute(doc, list, "sallyport.run", r->run);
	number_attribute(doc, list, "sallyport.request", (int64_t)r->request, true);
	text_finish(&url);
	free(agent);
}

/* A run is a trace, a request a span: their numbers make the ids, so that they stay the same. */
static void otel_ids(yyjson_mut_doc *doc, yyjson_mut_val *span, const struct audit_record *r)
{
	const char *run = r->run != NULL ? r->run : "";
	char trace[65], id[17];

	certs_sha256(run, strlen(run), trace);
	trace[32] = '\0';
	snprintf(id, sizeof(id), "%016llx", (unsigned long long)r->request);
	yyjson_mut_obj_add_strcpy(doc, span, "traceId", trace);
	yyjson_mut_obj_add_strcpy(doc, span, "spanId", id);
}

void otel_span(const struct audit_record *intent, const struct audit_record *r)
{
	enum { KIND_CLIENT = 3, STATUS_ERROR = 2 };
	yyjson_mut_doc *doc = new_doc();
	yyjson_mut_val *resource_spans = yyjson_mut_arr_add_obj(
		doc, yyjson_mut_obj_add_arr(doc, yyjson_mut_doc_get_root(doc), "resourceSpans"));
	yyjson_mut_val *resource = yyjson_mut_obj_add_obj(doc, resource_spans, "resource"), *scope,
		       *spans, *span, *status;

	text_attribute(doc, yyjson_mut_obj_add_arr(doc, resource, "attributes"), "service.name",
		"sallyport");
	spans = yyjson_mut_arr_add_obj(
		doc, yyjson_mut_obj_add_arr(doc, resource_spans, "scopeSpans"));
	scope = yyjson_mut_obj_add_obj(doc, spans, "scope");
	yyjson_mut_obj_add_str(doc, scope, "name", "sallyport");
	yyjson_mut_obj_add_str(doc, scope, "version", SALLYPORT_VERSION);
	span = yyjson_mut_arr_add_obj(doc, yyjson_mut_obj_add_arr(doc, spans, "spans"));
	otel_ids(doc, span, r);
	export_text(doc, span, "name",
		r->method != NULL ? r->method
		: is_refused(r)   ? "connection"
				  : "tunnel");
	yyjson_mut_obj_add_int(doc, span, "kind", KIND_CLIENT);
	add_int64(doc, span, "startTimeUnixNano", r->time_ns - r->total_ns);
	add_int64(doc, span, "endTimeUnixNano", r->time_ns);
	otel_attributes(doc, span, intent, r);
	status = yyjson_mut_obj_add_obj(doc, span, "status");
	if (is_refused(r) || r->status >= 400) {
		yyjson_mut_obj_add_int(doc, status, "code", STATUS_ERROR);
		export_text(doc, status, "message", r->detail);
	}
	export_print(doc, "\n");
}
