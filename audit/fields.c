/*
 * The table of fields, and the words for kinds and ways.
 */
#include "audit/fields.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define FIELD_IN(name, type, member)                               \
	{                                                          \
		name, type, offsetof(struct audit_record, member), \
			",\"" name "\":", sizeof(name) + 3         \
	}
#define FIELD(name, type) FIELD_IN(#name, type, name)

const struct field audit_fields[] = {
	FIELD(seq, FIELD_U64_KEPT),
	FIELD(kind, FIELD_KIND),
	FIELD_IN("time", FIELD_TIME, time_ns),
	FIELD(mono_ns, FIELD_I64),
	FIELD(run, FIELD_TEXT),
	FIELD(session, FIELD_U64),
	FIELD(request, FIELD_U64),
	FIELD(way, FIELD_WAY),
	FIELD(client, FIELD_TEXT),
	FIELD(program, FIELD_TEXT),
	FIELD(program_doubt, FIELD_TEXT),
	FIELD(pid, FIELD_I64),
	FIELD(program_words, FIELD_RAW),
	FIELD(parent, FIELD_TEXT),
	FIELD(parent_pid, FIELD_I64),
	FIELD(method, FIELD_TEXT),
	FIELD(scheme, FIELD_TEXT),
	FIELD(host, FIELD_TEXT),
	FIELD(port, FIELD_U16),
	FIELD(path, FIELD_TEXT),
	FIELD(query, FIELD_TEXT),
	FIELD(wanted, FIELD_TEXT),
	FIELD(verdict, FIELD_TEXT),
	FIELD(reason, FIELD_TEXT),
	FIELD(rule, FIELD_TEXT),
	FIELD(detail, FIELD_TEXT),
	FIELD(via, FIELD_TEXT),
	FIELD(address, FIELD_TEXT),
	FIELD(relaxed, FIELD_TEXT),
	FIELD(injected, FIELD_TEXT),
	FIELD(tls_version, FIELD_TEXT),
	FIELD(tls_cipher, FIELD_TEXT),
	FIELD(origin_cert, FIELD_TEXT),
	FIELD(status, FIELD_INT),
	FIELD(request_bytes, FIELD_BYTES),
	FIELD(response_bytes, FIELD_BYTES),
	FIELD(request_head_bytes, FIELD_I64),
	FIELD(request_messages, FIELD_U64),
	FIELD(response_messages, FIELD_U64),
	FIELD(request_sha256, FIELD_TEXT),
	FIELD(response_sha256, FIELD_TEXT),
	FIELD(response_sha512, FIELD_TEXT),
	FIELD(request_body, FIELD_TEXT),
	FIELD(response_body, FIELD_TEXT),
	FIELD(request_headers, FIELD_RAW),
	FIELD(response_headers, FIELD_RAW),
	FIELD(decide_ns, FIELD_I64),
	FIELD(connect_ns, FIELD_I64),
	FIELD(tls_ns, FIELD_I64),
	FIELD(first_byte_ns, FIELD_I64),
	FIELD(total_ns, FIELD_I64),
	FIELD(end, FIELD_TEXT),
	FIELD(command, FIELD_RAW),
	FIELD(user, FIELD_TEXT),
	FIELD(rules_digest, FIELD_TEXT),
	FIELD(ca_digest, FIELD_TEXT),
	FIELD(version, FIELD_TEXT),
	FIELD(view, FIELD_RAW),
	FIELD(exit_status, FIELD_EXIT),
	FIELD(allowed, FIELD_U64),
	FIELD(refused, FIELD_U64),
};
const size_t audit_n_fields = sizeof(audit_fields) / sizeof(audit_fields[0]);

static const char *const kinds[] = {
	"none", "start", "intent", "outcome", "dns", "event", "repair", "stop"};
static const char *const ways[] = {"none", "proxy", "connect", "socks", "transparent", "dns"};

static unsigned find(const char *const *names, size_t n, const char *name)
{
	for (unsigned i = 0; i < n; i++) {
		if (strcmp(names[i], name) == 0) {
			return i;
		}
	}
	return 0;
}

const char *audit_kind_name(enum audit_kind kind)
{
	return kinds[kind];
}

const char *audit_way_name(enum audit_way way)
{
	return ways[way];
}

enum audit_kind audit_kind_of(const char *name)
{
	return (enum audit_kind)find(kinds, sizeof(kinds) / sizeof(kinds[0]), name);
}

enum audit_way audit_way_of(const char *name)
{
	return (enum audit_way)find(ways, sizeof(ways) / sizeof(ways[0]), name);
}

void audit_record_init(struct audit_record *r)
{
	memset(r, 0, sizeof(*r));
	r->request_bytes = -1;
	r->response_bytes = -1;
	r->exit_status = -1;
}

/* Built for reading gigabytes: once over the table. */
struct audit_record *audit_record_copy(const struct audit_record *r)
{
	struct {
		size_t offset, len;
	} texts[sizeof(audit_fields) / sizeof(audit_fields[0])];
	size_t n = 0, size = sizeof(*r);
	struct audit_record *copy;
	char *at;

	for (const struct field *f = audit_fields; f < audit_fields + audit_n_fields; f++) {
		const char *text;

		if (f->type != FIELD_TEXT && f->type != FIELD_RAW) {
			continue;
		}
		text = *(const char *const *)(const void *)((const char *)r + f->offset);
		if (text != NULL) {
			texts[n].offset = f->offset;
			texts[n].len = strlen(text) + 1;
			size += texts[n++].len;
		}
	}
	copy = malloc(size);
	if (copy == NULL) {
		return NULL;
	}
	*copy = *r;
	at = (char *)(copy + 1);
	for (size_t i = 0; i < n; i++) {
		const char **text = (const char **)(void *)((char *)copy + texts[i].offset);

		*text = memcpy(at, *text, texts[i].len);
		at += texts[i].len;
	}
	return copy;
}

const char *audit_strerror(int error)
{
	switch (error) {
	case AUDIT_OK: return "no error";
	case AUDIT_EMEMORY: return "memory is out";
	case AUDIT_EIO: return "the disk failed or is full";
	case AUDIT_EBUSY: return "another writer holds the record folder";
	case AUDIT_EFORMAT: return "not a record";
	case AUDIT_ETOOLONG: return "the record is too long";
	case AUDIT_END: return "no further record";
	default: return "unknown error";
	}
}
