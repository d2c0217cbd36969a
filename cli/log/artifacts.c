/*
 * sallyport log artifacts: every file that came in whole, and what lock files say of it.
 */
#include "cli/log/go_zip.h"
#include "cli/log/lockfile.h"
#include "cli/log/query.h"
#include "cli/log/values.h"
#include "cli/text.h"
#include "cli/verbs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

static const char help[] =
	"usage: sallyport log artifacts [OPTION...] [DIR]\n"
	"\n"
	"Lists what was downloaded: every body that came whole in answer to a GET (status 200), "
	"with its SHA-256, size,\n"
	"run, request and URL.\n"
	"\n"
	"  --format WHAT    table (default), json, or cyclonedx (1.5, JSON)\n"
	"  --check FILE     hold it against package-lock.json, requirements*.txt, Cargo.lock or "
	"go.sum (again for more):\n"
	"                   matches, differs, cannot be compared, or unlisted. Exit status 1 "
	"when one differs\n";

struct artifact {
	struct audit_record *r; /* owned */
	bool encoded;           /* Content-Encoding: the digest is not that of the file */
	char go_zip[65];        /* of a module whose body was stored; else empty */
};

struct artifacts {
	struct log_query query;
	struct lockfile locks;
	bool checked;
	struct artifact *list; /* owned */
	size_t n;
};

static bool is_download(const struct audit_record *r)
{
	return r->kind == AUDIT_OUTCOME && r->method != NULL && strcmp(r->method, "GET") == 0 &&
	       r->status == 200 && r->response_sha256 != NULL && r->end != NULL &&
	       strcmp(r->end, "complete") == 0;
}

static void keep(struct artifacts *a, const struct audit_record *r)
{
	char *encoding = export_header(r->response_headers, "content-encoding");
	struct artifact *item;

	if ((a->n & (a->n - 1)) == 0) {
		item = realloc(a->list, (a->n > 0 ? 2 * a->n : 1) * sizeof(*item));
		if (item == NULL) {
			abort();
		}
		a->list = item;
	}
	item = &a->list[a->n++];
	item->r = audit_record_copy(r);
	item->go_zip[0] = '\0';
	if (a->checked && r->path != NULL && strlen(r->path) > 4 &&
		strcmp(r->path + strlen(r->path) - 4, ".zip") == 0) {
		(void)go_zip_hash(a->query.dir, r->response_sha256, item->go_zip);
	}
	item->encoded = encoding != NULL && strcasecmp(encoding, "identity") != 0;
	free(encoding);
	if (item->r == NULL) {
		abort();
	}
}

/* ---- against lock files ---- */

enum check { CHECK_UNLISTED = 0, CHECK_INCOMPARABLE, CHECK_DIFFERS, CHECK_MATCHES };
static const char *const check_words[] = {"unlisted", "cannot be compared", "differs", "matches"};

static enum check check(struct artifacts *a, const struct artifact *item, const char **ret_label)
{
	const struct audit_record *r = item->r;
	const struct lock_digests digests = {r->response_sha256, r->response_sha512,
		item->go_zip[0] != '\0' ? item->go_zip : NULL};
	enum check result = CHECK_UNLISTED;

	*ret_label = NULL;
	for (size_t i = 0; i < a->locks.n; i++) {
		struct lock_entry *e = &a->locks.entries[i];
		enum check found = CHECK_UNLISTED;

		if (lock_entry_fits(e, &digests)) {
			found = CHECK_MATCHES;
		} else if (r->path != NULL && lock_entry_names(e, r->path)) {
			found = item->encoded || !lock_entry_compares(e, &digests)
					? CHECK_INCOMPARABLE
					: CHECK_DIFFERS;
		}
		if (found > result) {
			result = found;
			*ret_label = e->label;
		}
		e->used |= found != CHECK_UNLISTED;
	}
	return result;
}

static int print_checks(struct artifacts *a)
{
	size_t counts[4] = {0}, absent = 0;
	struct text url = {0};

	for (size_t i = 0; i < a->n; i++) {
		const char *label;
		enum check result = check(a, &a->list[i], &label);

		counts[result]++;
		log_url(&url, a->list[i].r);
		printf("%-18s ", check_words[result]);
		log_print(url.data);
		if (label != NULL) {
			printf("  [");
			log_print(label);
			putchar(']');
		}
		putchar('\n');
	}
	for (size_t i = 0; i < a->locks.n; i++) {
		absent += !a->locks.entries[i].used;
	}
	printf("%zu match, %zu differ, %zu cannot be compared, %zu unlisted; %zu digests of the "
	       "lock "
	       "files were not downloaded\n",
		counts[CHECK_MATCHES], counts[CHECK_DIFFERS], counts[CHECK_INCOMPARABLE],
		counts[CHECK_UNLISTED], absent);
	text_finish(&url);
	return counts[CHECK_DIFFERS] > 0 ? 1 : 0;
}

/* ---- listing ---- */

static void print_table(const struct artifacts *a)
{
	struct text url = {0};

	printf("%-64s %12s %-26s %7s url\n", "sha256", "bytes", "run", "request");
	for (size_t i = 0; i < a->n; i++) {
		const struct audit_record *r = a->list[i].r;

		log_url(&url, r);
		log_print(r->response_sha256);
		printf(" %12lld ", (long long)r->response_bytes);
		log_print(r->run);
		printf("%*s %7llu ", r->run != NULL ? 26 - (int)strnlen(r->run, 26) : 25, "",
			(unsigned long long)r->request);
		log_print(url.data);
		putchar('\n');
	}
	text_finish(&url);
}

static yyjson_mut_doc *new_doc(yyjson_mut_val **ret_root)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);

	if (doc == NULL) {
		abort();
	}
	*ret_root = yyjson_mut_obj(doc);
	yyjson_mut_doc_set_root(doc, *ret_root);
	return doc;
}

static void add_file_name(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct audit_record *r)
{
	const char *slash = r->path != NULL ? strrchr(r->path, '/') : NULL;

	export_text(doc, object, "name", slash != NULL && slash[1] != '\0' ? slash + 1 : r->host);
}

static void print_json(struct artifacts *a)
{
	yyjson_mut_val *root, *list;
	yyjson_mut_doc *doc = new_doc(&root);
	struct text url = {0};

	list = yyjson_mut_obj_add_arr(doc, root, "artifacts");
	for (size_t i = 0; i < a->n; i++) {
		const struct audit_record *r = a->list[i].r;
		yyjson_mut_val *entry = yyjson_mut_arr_add_obj(doc, list);
		const char *label;

		log_url(&url, r);
		export_text(doc, entry, "sha256", r->response_sha256);
		export_text(doc, entry, "sha512", r->response_sha512);
		yyjson_mut_obj_add_int(doc, entry, "bytes", r->response_bytes);
		export_text(doc, entry, "url", url.data);
		export_text(doc, entry, "run", r->run);
		yyjson_mut_obj_add_uint(doc, entry, "request", r->request);
		yyjson_mut_obj_add_bool(doc, entry, "encoded", a->list[i].encoded);
		if (a->checked) {
			export_text(
				doc, entry, "check", check_words[check(a, &a->list[i], &label)]);
			export_text(doc, entry, "listed", label);
		}
	}
	export_print(doc, "\n");
	text_finish(&url);
}

static void cyclonedx_component(
	yyjson_mut_doc *doc, yyjson_mut_val *list, const struct audit_record *r)
{
	yyjson_mut_val *c = yyjson_mut_arr_add_obj(doc, list), *entry, *properties;
	struct text text = {0};

	yyjson_mut_obj_add_str(doc, c, "type", "file");
	text_print(&text, "%s/%llu", r->run != NULL ? r->run : "-", (unsigned long long)r->request);
	export_text(doc, c, "bom-ref", text.data);
	add_file_name(doc, c, r);
	entry = yyjson_mut_obj_add_arr(doc, c, "hashes");
	entry = yyjson_mut_arr_add_obj(doc, entry);
	yyjson_mut_obj_add_str(doc, entry, "alg", "SHA-256");
	export_text(doc, entry, "content", r->response_sha256);
	entry = yyjson_mut_arr_add_obj(doc, yyjson_mut_obj_add_arr(doc, c, "externalReferences"));
	yyjson_mut_obj_add_str(doc, entry, "type", "distribution");
	log_url(&text, r);
	export_text(doc, entry, "url", text.data);
	properties = yyjson_mut_obj_add_arr(doc, c, "properties");
	entry = yyjson_mut_arr_add_obj(doc, properties);
	yyjson_mut_obj_add_str(doc, entry, "name", "sallyport:bytes");
	text.len = 0;
	text_print(&text, "%lld", (long long)r->response_bytes);
	export_text(doc, entry, "value", text.data);
	text_finish(&text);
}

/* CycloneDX 1.5: bom-1.5.schema.json. */
static void print_cyclonedx(struct artifacts *a)
{
	yyjson_mut_val *root, *metadata, *tool, *list;
	yyjson_mut_doc *doc = new_doc(&root);
	char stamp[32];
	struct tm tm;
	time_t when = a->n > 0 ? (time_t)(a->list[a->n - 1].r->time_ns / 1000000000) : 0;

	yyjson_mut_obj_add_str(doc, root, "bomFormat", "CycloneDX");
	yyjson_mut_obj_add_str(doc, root, "specVersion", "1.5");
	yyjson_mut_obj_add_int(doc, root, "version", 1);
	metadata = yyjson_mut_obj_add_obj(doc, root, "metadata");
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&when, &tm));
	yyjson_mut_obj_add_strcpy(doc, metadata, "timestamp", stamp);
	tool = yyjson_mut_arr_add_obj(
		doc, yyjson_mut_obj_add_arr(
			     doc, yyjson_mut_obj_add_obj(doc, metadata, "tools"), "components"));
	yyjson_mut_obj_add_str(doc, tool, "type", "application");
	yyjson_mut_obj_add_str(doc, tool, "name", "sallyport");
	yyjson_mut_obj_add_str(doc, tool, "version", SALLYPORT_VERSION);
	list = yyjson_mut_obj_add_arr(doc, root, "components");
	for (size_t i = 0; i < a->n; i++) {
		cyclonedx_component(doc, list, a->list[i].r);
	}
	export_print(doc, "\n");
}

/* ---- the verb ---- */

static int add_lockfile(struct artifacts *a, const char *path)
{
	struct text text = {0};
	char message[160] = "";
	int status = 0;

	a->checked = true;
	if (text_read_file(&text, path) != 0) {
		status = complain("cannot read %s: %s", path, strerror(errno));
	} else if (lockfile_read(&a->locks, lockfile_kind(path), text.data, text.len, message,
			   sizeof(message)) != 0) {
		status = complain("%s: %s", path, message);
	}
	text_finish(&text);
	return status;
}

static int list(struct artifacts *a, const char *format)
{
	struct audit_record r;
	int error, differs = 0, status;

	while ((error = log_query_next(&a->query, &r)) == AUDIT_OK) {
		if (is_download(&r)) {
			keep(a, &r);
		}
	}
	if (strcmp(format, "json") == 0) {
		print_json(a);
	} else if (strcmp(format, "cyclonedx") == 0) {
		print_cyclonedx(a);
	} else if (a->checked) {
		differs = print_checks(a);
	} else {
		print_table(a);
	}
	status = log_query_close(&a->query, error);
	return status != 0 ? status : differs;
}

static int run(struct artifacts *a, int argc, char **argv)
{
	static const struct option options[] = {LOG_QUERY_OPTIONS,
		{"format", required_argument, NULL, 'f'}, {"check", required_argument, NULL, 'k'},
		{"help", no_argument, NULL, 'h'}, {0}};
	const char *format = "table";
	int option, status = 0;

	while (status == 0 && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		status = log_query_option(&a->query, option, optarg);
		if (status != -1) {
			continue;
		}
		status = 0;
		switch (option) {
		case 'f': format = optarg; break;
		case 'k': status = add_lockfile(a, optarg); break;
		case 'h':
			fputs(help, stdout);
			fputs(log_query_help, stdout);
			return 0;
		default: break;
		}
	}
	if (status == 0 && strcmp(format, "table") != 0 && strcmp(format, "json") != 0 &&
		strcmp(format, "cyclonedx") != 0) {
		status = complain("--format wants table, json or cyclonedx: %s", format);
	}
	if (status == 0 && argc - optind > 1) {
		status = complain("log artifacts wants one record folder");
	}
	if (status == 0) {
		status = log_query_open(&a->query, argv[optind]);
	}
	return status != 0 ? status : list(a, format);
}

int log_artifacts(int argc, char **argv)
{
	struct artifacts a = {.n = 0};
	int status = run(&a, argc, argv);

	for (size_t i = 0; i < a.n; i++) {
		free(a.list[i].r);
	}
	free(a.list);
	lockfile_finish(&a.locks);
	return status;
}
