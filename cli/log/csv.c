/*
 * Records as rows of a table: RFC 4180 with a heading, for spreadsheets.
 */
#include "cli/log/export.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* A text that a spreadsheet would take for a formula has an apostrophe before it. */
static void csv_text(const char *text, bool last)
{
	bool formula = text != NULL && text[0] != '\0' && strchr("=+-@\t\r", text[0]) != NULL;

	if (formula || (text != NULL && strpbrk(text, ",\"\r\n") != NULL)) {
		fputs(formula ? "\"'" : "\"", stdout);
		for (; *text != '\0'; text++) {
			if (*text == '"') {
				putchar('"');
			}
			putchar(*text);
		}
		putchar('"');
	} else if (text != NULL) {
		fputs(text, stdout);
	}
	fputs(last ? "\r\n" : ",", stdout);
}

static void csv_number(int64_t value, bool present)
{
	if (present) {
		printf("%lld", (long long)value);
	}
	putchar(',');
}

void csv_begin(void)
{
	fputs("time,seq,kind,run,session,request,way,client,program,pid,verdict,reason,rule,method,"
	      "scheme,host,"
	      "port,path,query,address,tls_version,tls_cipher,origin_cert,status,request_bytes,"
	      "response_bytes,request_sha256,response_sha256,decide_ns,connect_ns,tls_ns,"
	      "first_byte_ns,total_ns,end,detail\r\n",
		stdout);
}

static void csv_time(int64_t ns)
{
	time_t seconds = (time_t)(ns / 1000000000);
	struct tm tm;
	char text[32];

	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &tm));
	printf("%s.%09dZ,", text, (int)(ns % 1000000000));
}

void csv_record(const struct audit_record *r)
{
	csv_time(r->time_ns);
	csv_number((int64_t)r->seq, true);
	csv_text(audit_kind_name(r->kind), false);
	csv_text(r->run, false);
	csv_number((int64_t)r->session, r->session != 0);
	csv_number((int64_t)r->request, r->request != 0);
	csv_text(r->way != AUDIT_WAY_NONE ? audit_way_name(r->way) : NULL, false);
	csv_text(r->client, false);
	csv_text(r->program, false);
	csv_number(r->pid, r->pid != 0);
	csv_text(r->verdict, false);
	csv_text(r->reason, false);
	csv_text(r->rule, false);
	csv_text(r->method, false);
	csv_text(r->scheme, false);
	csv_text(r->host, false);
	csv_number(r->port, r->port != 0);
	csv_text(r->path, false);
	csv_text(r->query, false);
	csv_text(r->address, false);
	csv_text(r->tls_version, false);
	csv_text(r->tls_cipher, false);
	csv_text(r->origin_cert, false);
	csv_number(r->status, r->status != 0);
	csv_number(r->request_bytes, r->request_bytes >= 0);
	csv_number(r->response_bytes, r->response_bytes >= 0);
	csv_text(r->request_sha256, false);
	csv_text(r->response_sha256, false);
	csv_number(r->decide_ns, r->decide_ns != 0);
	csv_number(r->connect_ns, r->connect_ns != 0);
	csv_number(r->tls_ns, r->tls_ns != 0);
	csv_number(r->first_byte_ns, r->first_byte_ns != 0);
	csv_number(r->total_ns, r->total_ns != 0);
	csv_text(r->end, false);
	csv_text(r->detail, true);
}
