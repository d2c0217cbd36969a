/*
 * The record from append to reading back: lines, group commit, segments, a torn tail, a disk that
 * fails. The disk fails by RLIMIT_FSIZE: write(2) falls short at the limit, then says EFBIG.
 */
#include "audit/audit.h"
#include "audit/hold.h"
#include "audit/line.h"
#include "tests/unit/system.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <yyjson.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
/* after what it needs */
#include <cmocka.h>

static char folder[64];

static int setup(void **state)
{
	(void)state;
	return system_make_folder(folder, sizeof(folder)) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	return system_remove_folder(folder) ? 0 : -1;
}

static struct audit_log *open_log(enum audit_durability durability, uint64_t segment_bytes)
{
	struct audit_options options = {durability, segment_bytes, "run-1"};
	struct audit_log *log = NULL;
	struct audit_diag diag;

	assert_int_equal(audit_open(folder, &options, &log, &diag), AUDIT_OK);
	return log;
}

static void close_log(struct audit_log *log)
{
	struct audit_diag diag;

	assert_int_equal(audit_close(log, &diag), AUDIT_OK);
}

static int append(struct audit_log *log, const char *path, uint64_t *ret_seq)
{
	struct audit_record r;
	struct audit_diag diag;

	audit_record_init(&r);
	r.kind = AUDIT_INTENT;
	r.host = "a.test";
	r.path = path;
	return audit_append(log, &r, ret_seq, &diag);
}

static void wait_committed(struct audit_log *log, uint64_t seq)
{
	static const struct timespec moment = {.tv_nsec = 1000000};

	for (int i = 0; i < 10000 && !audit_is_committed(log, seq); i++) {
		nanosleep(&moment, NULL);
	}
	assert_true(audit_is_committed(log, seq));
}

static void path_of(const char *name, char path[128])
{
	snprintf(path, 128, "%s/%s", folder, name);
}

static off_t size_of(const char *name)
{
	char path[128];
	struct stat st;

	path_of(name, path);
	return stat(path, &st) == 0 ? st.st_size : -1;
}

static void add_bytes(const char *name, const char *bytes, size_t len)
{
	char path[128];
	int fd;

	path_of(name, path);
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT, 0600);
	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
}

/* Reads everything: how many records, how many lines that are none, and the last record's number.
 */
static void read_all(unsigned *ret_records, unsigned *ret_bad, uint64_t *ret_last)
{
	struct audit_reader *reader;
	struct audit_record r;
	struct audit_diag diag;
	int error;

	*ret_records = *ret_bad = 0;
	*ret_last = UINT64_MAX;
	assert_int_equal(audit_reader_open(folder, &reader, &diag), AUDIT_OK);
	while ((error = audit_reader_next(reader, &r, &diag)) != AUDIT_END) {
		if (error == AUDIT_OK) {
			*ret_records += 1;
			*ret_last = r.seq;
		} else {
			*ret_bad += 1;
			assert_true(diag.line > 0);
		}
		assert_true(*ret_records + *ret_bad < 100000);
	}
	audit_reader_close(reader);
}

static void lines_are_ascii_and_lose_nothing(void **state)
{
	static const char *const texts[] = {"plain", "quote\" back\\slash",
		"\x01\x02\n\r\t\x1f\x7f", "caf\xc3\xa9 \xf0\x9f\x98\x80",
		"bad \xff\xfe \xc3 \xe0\x80\x80 \xed\xa0\x80 \xef\x9e\x80\xef\x9d\xbf end"};
	struct audit_record r;
	char line[4096];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		size_t len;
		yyjson_doc *doc;
		const char *path;

		audit_record_init(&r);
		r.kind = AUDIT_INTENT;
		r.path = texts[i];
		len = line_write(&r, line, sizeof(line));
		assert_true(len > 0 && line[len - 1] == '\n');
		assert_ptr_equal(memchr(line, '\n', len), line + len - 1);
		for (size_t k = 0; k + 1 < len; k++) {
			assert_true(line[k] >= 0x20 && line[k] < 0x7f);
		}
		doc = yyjson_read(line, len, 0);
		assert_non_null(doc);
		path = yyjson_get_str(yyjson_obj_get(yyjson_doc_get_root(doc), "path"));
		if (i < 4) {
			assert_string_equal(path, texts[i]);
		} else { /* no UTF-8, or what stands for that: byte by byte */
			assert_non_null(strstr(line, "bad \\uf7ff\\uf7fe \\uf7c3 "
						     "\\uf7e0\\uf780\\uf780 \\uf7ed\\uf7a0\\uf780 "
						     "\\uf7ef\\uf79e\\uf780\\uf77f end"));
		}
		yyjson_doc_free(doc);
	}
}

/* Text is looked at eight bytes at a time: each byte at each place among them. */
static void each_byte_is_escaped_wherever_it_stands(void **state)
{
	char text[24], out[6 * sizeof(text)];

	(void)state;
	for (unsigned byte = 1; byte < 256; byte++) {
		bool plain = byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';

		for (size_t at = 0; at < sizeof(text) - 1; at++) {
			size_t len;

			memset(text, 'a' + (int)at % 20, sizeof(text) - 1);
			text[sizeof(text) - 1] = '\0';
			text[at] = (char)byte;
			len = audit_json_string(text, out, sizeof(out));
			assert_int_equal(len, sizeof(text) - 1 + 2 + (plain ? 0 : 5));
			assert_memory_equal(out + 1, text, at);
			assert_memory_equal(out + 1 + at, plain ? text + at : "\\u", plain ? 1 : 2);
			assert_memory_equal(out + len - 1 - (sizeof(text) - 2 - at), text + at + 1,
				sizeof(text) - 2 - at);
		}
	}
}

static void any_bytes_come_back(void **state)
{
	static const char bytes[] = "/\xff\x80\xc3\xa9\xef\x9e\x80\xef\x9f\xbf\xed\xa0\x80\x01\"\\";
	struct audit_log *log = open_log(AUDIT_BUFFERED, 0);
	struct audit_reader *reader;
	struct audit_record r;
	struct audit_diag diag;
	uint64_t seq;

	(void)state;
	assert_int_equal(append(log, bytes, &seq), AUDIT_OK);
	close_log(log);
	assert_int_equal(audit_reader_open(folder, &reader, &diag), AUDIT_OK);
	assert_int_equal(audit_reader_next(reader, &r, &diag), AUDIT_OK);
	assert_string_equal(r.path, bytes);
	audit_reader_close(reader);
}

/* Wherever they stand, whoever wrote the line; what is no array makes it no record. */
static void arrays_come_back_as_they_stand(void **state)
{
	static const char lines[] =
		"{\"kind\":\"start\",\"time\":\"2026-01-31T12:00:00.123456789Z\",\"command\":"
		"[\"a]\",\"[\\\\\"],\"view\":[],\"version\":\"]\"}\n"
		"{ \"comm\\u0061nd\" : [ [1], {\"view\":[2]} ] , \"kind\":\"start\" , "
		"\"other\":[9],"
		"\"time\":\"2026-01-31T12:00:00.123456789Z\", \"view\" :[ 3 ] } \n"
		"{\"kind\":\"start\",\"time\":\"2026-01-31T12:00:00.123456789Z\",\"command\":"
		"\"[]\"}\n"
		"{\"kind\":\"start\",\"time\":\"2026-01-31T12:00:00.123456789Z\",\"view\":[1}\n";
	static const char *const commands[] = {"[\"a]\",\"[\\\\\"]", "[ [1], {\"view\":[2]} ]"};
	static const char *const views[] = {"[]", "[ 3 ]"};
	struct audit_reader *reader;
	struct audit_record r;
	struct audit_diag diag;

	(void)state;
	add_bytes("000001.jsonl", lines, sizeof(lines) - 1);
	assert_int_equal(audit_reader_open(folder, &reader, &diag), AUDIT_OK);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(audit_reader_next(reader, &r, &diag), AUDIT_OK);
		assert_string_equal(r.command, commands[i]);
		assert_string_equal(r.view, views[i]);
		assert_null(r.request_headers);
	}
	for (uint64_t line = 3; line <= 4; line++) {
		assert_int_equal(audit_reader_next(reader, &r, &diag), AUDIT_EFORMAT);
		assert_int_equal(diag.line, line);
	}
	assert_int_equal(audit_reader_next(reader, &r, &diag), AUDIT_END);
	audit_reader_close(reader);
}

static void a_record_too_long_is_refused(void **state)
{
	struct audit_log *log = open_log(AUDIT_BUFFERED, 0);
	char *text = malloc(LINE_MAX_BYTES + 1);
	uint64_t seq = 77;

	(void)state;
	memset(text, 'x', LINE_MAX_BYTES);
	text[LINE_MAX_BYTES] = '\0';
	assert_int_equal(append(log, text, &seq), AUDIT_ETOOLONG);
	assert_int_equal(seq, 77);
	assert_int_equal(append(log, "/", &seq), AUDIT_OK);
	assert_int_equal(seq, 0);
	close_log(log);
	free(text);
}

static void what_is_appended_is_read(void **state)
{
	static const enum audit_durability modes[] = {AUDIT_DURABLE, AUDIT_BUFFERED};
	unsigned records, bad;
	uint64_t last, seq;

	(void)state;
	for (unsigned m = 0; m < 2; m++) {
		struct audit_log *log = open_log(modes[m], 0);

		for (unsigned i = 0; i < 100; i++) {
			assert_int_equal(append(log, "/x", &seq), AUDIT_OK);
			assert_int_equal(seq, m * 100 + i);
			if (modes[m] == AUDIT_BUFFERED) {
				assert_true(audit_is_committed(log, seq));
			}
		}
		wait_committed(log, seq);
		read_all(&records, &bad, &last); /* before closing: it is on disk */
		assert_int_equal(records, (m + 1) * 100);
		assert_int_equal(bad, 0);
		assert_int_equal(last, seq);
		close_log(log);
	}
}

static void need_limit(void)
{
	if (!system_limit_files(SYSTEM_NO_LIMIT)) {
		print_message("skipped: this system has no limit of a file's size\n");
		skip();
	}
}

static int gather(struct audit_log *log, const char *path, uint64_t *ret_seq)
{
	struct audit_record r;
	struct audit_diag diag;

	audit_record_init(&r);
	r.kind = AUDIT_OUTCOME;
	r.path = path;
	return audit_gather(log, &r, ret_seq, &diag);
}

static void count_move(void *arg)
{
	atomic_fetch_add((atomic_uint *)arg, 1);
}

static void what_is_gathered_waits_for_a_flush_or_a_moment(void **state)
{
	static const enum audit_durability modes[] = {AUDIT_DURABLE, AUDIT_BUFFERED};
	unsigned records, bad, expected = 0;
	uint64_t last, seq, first;

	(void)state;
	for (unsigned m = 0; m < 2; m++) {
		struct audit_log *log = open_log(modes[m], 0);
		atomic_uint moves = 0;

		assert_int_equal(gather(log, "/1", &first), AUDIT_OK);
		assert_false(audit_is_committed(log, first));
		assert_int_equal(gather(log, "/2", &seq), AUDIT_OK);
		audit_flush(log);
		assert_true(audit_wait(log, seq));
		/* Whoever appends takes along what others gathered, before its own. */
		assert_int_equal(gather(log, "/3", &seq), AUDIT_OK);
		assert_int_equal(append(log, "/4", &seq), AUDIT_OK);
		assert_int_equal(seq, first + 3);
		assert_true(audit_wait(log, seq));
		/* Nobody asks: it goes by itself, who listens is told, and at the end. */
		assert_int_equal(audit_listen(log, count_move, &moves), AUDIT_OK);
		assert_int_equal(gather(log, "/5", &seq), AUDIT_OK);
		wait_committed(log, seq);
		for (int i = 0; i < 10000 && atomic_load(&moves) == 0; i++) {
			static const struct timespec moment = {.tv_nsec = 1000000};

			nanosleep(&moment, NULL);
		}
		assert_true(atomic_load(&moves) > 0);
		assert_int_equal(gather(log, "/6", &seq), AUDIT_OK);
		close_log(log);
		expected += 6;
		read_all(&records, &bad, &last);
		assert_int_equal(records, expected);
		assert_int_equal(bad, 0);
		assert_int_equal(last, seq);
	}
}

/* Each batch begins a segment: what the thread looks at then is not what a close writes (TSan). */
static void a_close_comes_while_a_segment_is_begun(void **state)
{
	unsigned records, bad;
	uint64_t seq, last;

	(void)state;
	for (unsigned n = 1; n <= 50; n++) {
		struct audit_log *log = open_log(AUDIT_DURABLE, 1);

		assert_int_equal(append(log, "/", &seq), AUDIT_OK);
		assert_true(audit_wait(log, seq));
		assert_int_equal(append(log, "/", &seq), AUDIT_OK);
		close_log(log);
		read_all(&records, &bad, &last);
		assert_int_equal(records, 2 * n);
		assert_int_equal(bad, 0);
		assert_int_equal(last, seq);
	}
}

static void an_append_that_fails_leaves_what_others_gathered(void **state)
{
	struct audit_log *log;
	uint64_t gathered, seq, last;
	unsigned records, bad;

	(void)state;
	need_limit();
	log = open_log(AUDIT_BUFFERED, 0);
	assert_int_equal(append(log, "/1", &seq), AUDIT_OK);
	assert_true(system_limit_files((uint64_t)size_of("000001.jsonl")));
	assert_int_equal(gather(log, "/2", &gathered), AUDIT_OK);
	assert_int_equal(append(log, "/refused", &seq), AUDIT_EIO);
	assert_true(audit_failed(log));
	assert_int_equal(gather(log, "/refused", &seq), AUDIT_EIO);
	assert_true(system_limit_files(SYSTEM_NO_LIMIT));
	assert_int_equal(append(log, "/3", &seq), AUDIT_OK);
	assert_int_equal(seq, gathered + 1);
	assert_false(audit_failed(log));
	close_log(log);
	read_all(&records, &bad, &last);
	assert_int_equal(records, 3);
	assert_int_equal(bad, 0);
	assert_int_equal(last, seq);
}

static void a_folder_has_one_writer(void **state)
{
	struct audit_log *log = open_log(AUDIT_DURABLE, 0), *second = NULL;
	struct audit_options options = {AUDIT_DURABLE, 0, NULL};
	struct audit_diag diag;

	(void)state;
	assert_int_equal(audit_open(folder, &options, &second, &diag), AUDIT_EBUSY);
	assert_null(second);
	close_log(log);
	log = open_log(AUDIT_DURABLE, 0);
	close_log(log);
}

/* As on file systems whose folders have no locks, and as writers did before. */
static void a_file_that_is_locked_counts(void **state)
{
	struct audit_options options = {AUDIT_DURABLE, 0, NULL};
	struct audit_log *log = open_log(AUDIT_DURABLE, 0);
	struct audit_diag diag;
	char path[sizeof(folder) + 8];
	int fd, dir;

	(void)state;
	close_log(log);
	snprintf(path, sizeof(path), "%s/lock", folder);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0 && dir >= 0);
	assert_false(hold_is_taken(dir));
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	assert_true(hold_is_taken(dir));
	log = NULL;
	assert_int_equal(audit_open(folder, &options, &log, &diag), AUDIT_EBUSY);
	assert_null(log);
	close(fd);
	log = open_log(AUDIT_DURABLE, 0);
	assert_true(hold_is_taken(dir));
	close_log(log);
	assert_false(hold_is_taken(dir));
	close(dir);
}

static void *let_go(void *fd)
{
	const struct timespec while_it_looks = {.tv_nsec = 50 * 1000 * 1000};

	nanosleep(&while_it_looks, NULL);
	close(*(int *)fd);
	return NULL;
}

/* Who verifies while a run begins, or was killed and is not quite gone, is no other writer. */
static void a_lock_that_is_let_go_soon_is_waited_for(void **state)
{
	struct audit_log *log = open_log(AUDIT_DURABLE, 0);
	char path[sizeof(folder) + 8];
	pthread_t thread;
	int fd;

	(void)state;
	close_log(log);
	snprintf(path, sizeof(path), "%s/lock", folder);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) == 0);
	assert_int_equal(pthread_create(&thread, NULL, let_go, &fd), 0);
	log = open_log(AUDIT_DURABLE, 0);
	close_log(log);
	pthread_join(thread, NULL);
}

static void segments_follow_each_other(void **state)
{
	struct audit_log *log = open_log(AUDIT_DURABLE, 1000);
	unsigned records, bad;
	uint64_t last, seq;

	(void)state;
	for (int i = 0; i < 50; i++) {
		assert_int_equal(append(log, "/a/path/of/some/length", &seq), AUDIT_OK);
		wait_committed(log, seq);
	}
	close_log(log);
	assert_true(size_of("000003.jsonl") > 0);
	assert_true(size_of("000001.jsonl") < 1500);
	read_all(&records, &bad, &last);
	assert_int_equal(records, 50);
	assert_int_equal(bad, 0);
	log = open_log(AUDIT_DURABLE, 1000);
	assert_int_equal(append(log, "/", &seq), AUDIT_OK);
	assert_int_equal(seq, 50);
	close_log(log);
}

/* Not at that size to the byte: a segment stays while it is being synced. */
static void segments_follow_each_other_buffered(void **state)
{
	struct audit_log *log = open_log(AUDIT_BUFFERED, 1000);
	unsigned records, bad, written = 0;
	uint64_t last, seq;

	(void)state;
	while (size_of("000003.jsonl") <= 0 && written < 100000) {
		assert_int_equal(append(log, "/a/path/of/some/length", &seq), AUDIT_OK);
		written++;
	}
	close_log(log);
	read_all(&records, &bad, &last);
	assert_true(written < 100000);
	assert_int_equal(records, written);
	assert_int_equal(bad, 0);
}

static void a_torn_tail_is_cut_and_told(void **state)
{
	struct audit_log *log = open_log(AUDIT_DURABLE, 0);
	unsigned records, bad;
	uint64_t last, seq;
	off_t whole;

	(void)state;
	assert_int_equal(append(log, "/1", &seq), AUDIT_OK);
	wait_committed(log, seq);
	close_log(log);
	whole = size_of("000001.jsonl");
	add_bytes("000001.jsonl", "{\"seq\":1,\"kind\":\"int", 20);
	log = open_log(AUDIT_DURABLE, 0);
	assert_int_equal(append(log, "/2", &seq), AUDIT_OK);
	assert_int_equal(seq, 2); /* 1 tells of the cut */
	wait_committed(log, seq);
	close_log(log);
	assert_true(size_of("000001.jsonl") > whole);
	read_all(&records, &bad, &last);
	assert_int_equal(records, 3);
	assert_int_equal(bad, 0);
}

static void a_torn_segment_with_nothing_whole_asks_the_one_before(void **state)
{
	struct audit_log *log = open_log(AUDIT_BUFFERED, 0);
	uint64_t seq;

	(void)state;
	assert_int_equal(append(log, "/1", &seq), AUDIT_OK);
	close_log(log);
	add_bytes("000002.jsonl", "{\"seq\":1", 8);
	log = open_log(AUDIT_BUFFERED, 0);
	assert_int_equal(append(log, "/2", &seq), AUDIT_OK);
	assert_int_equal(seq, 2);
	close_log(log);
	assert_true(size_of("000002.jsonl") > 8);
}

static void a_foreign_file_is_not_written_to(void **state)
{
	struct audit_options options = {AUDIT_DURABLE, 0, NULL};
	struct audit_log *log = NULL;
	struct audit_diag diag;

	(void)state;
	add_bytes("000001.jsonl", "my diary\n", 9);
	assert_int_equal(audit_open(folder, &options, &log, &diag), AUDIT_EFORMAT);
	assert_null(log);
	assert_int_equal(size_of("000001.jsonl"), 9);
}

static void lines_that_are_none_are_told_and_stepped_over(void **state)
{
	struct audit_log *log = open_log(AUDIT_BUFFERED, 0);
	char *huge = malloc(3 * LINE_MAX_BYTES);
	unsigned records, bad;
	uint64_t last, seq;

	(void)state;
	assert_int_equal(append(log, "/1", &seq), AUDIT_OK);
	close_log(log);
	add_bytes("000001.jsonl", "nonsense\n", 9);
	add_bytes("000001.jsonl", "{\"seq\":5}\n", 10);
	add_bytes("000001.jsonl",
		"{\"seq\":5,\"kind\":\"none\",\"time\":\"2026-01-01T00:00:00.0Z\"}\n", 56);
	memset(huge, 'x', 3 * LINE_MAX_BYTES);
	huge[3 * LINE_MAX_BYTES - 1] = '\n';
	add_bytes("000001.jsonl", huge, 3 * LINE_MAX_BYTES);
	add_bytes("000001.jsonl",
		"{\"seq\":9,\"kind\":\"event\",\"time\":\"2026-01-01T00:00:00.000000001Z\"}\n", 66);
	read_all(&records, &bad, &last);
	assert_int_equal(records, 2);
	assert_int_equal(bad, 4);
	assert_int_equal(last, 9);
	free(huge);
}

static void a_full_disk_refuses_and_recovers(void **state)
{
	static const enum audit_durability modes[] = {AUDIT_DURABLE, AUDIT_BUFFERED};
	unsigned records, bad, before = 0;
	uint64_t last, seq, refused_at;

	(void)state;
	need_limit();
	for (unsigned m = 0; m < 2; m++) {
		struct audit_log *log = open_log(modes[m], 0);
		unsigned accepted = 0;
		int error = AUDIT_OK;

		assert_true(system_limit_files((uint64_t)size_of("000001.jsonl") + 1000));
		/* Not one after the limit is committed. */
		for (int i = 0; i < 2000 && error == AUDIT_OK; i++) {
			static const struct timespec moment = {.tv_nsec = 1000000};

			error = append(log, "/somewhere", &seq);
			accepted += error == AUDIT_OK;
			nanosleep(&moment, NULL);
		}
		assert_int_equal(error, AUDIT_EIO);
		assert_true(audit_failed(log));
		assert_true(audit_refused(log) > 0);
		read_all(&records, &bad, &last);
		assert_int_equal(bad, 0);
		assert_true(records - before <= accepted);
		refused_at = last + 1;
		assert_false(audit_is_committed(log, refused_at + 5));

		assert_true(system_limit_files(SYSTEM_NO_LIMIT));
		for (int i = 0; i < 5000 && append(log, "/after", &seq) != AUDIT_OK; i++) {
			static const struct timespec moment = {.tv_nsec = 1000000};

			nanosleep(&moment, NULL);
		}
		wait_committed(log, seq);
		assert_false(audit_failed(log));
		close_log(log);
		read_all(&before, &bad, &last);
		assert_int_equal(bad, 0);
		assert_int_equal(last, seq);
		assert_int_equal(before, seq + 1); /* no number twice, none left out */
	}
}

static void *append_many(void *arg)
{
	uint64_t seq;

	for (int i = 0; i < 200; i++) {
		if (append(arg, "/many", &seq) != AUDIT_OK) {
			return arg;
		}
	}
	return NULL;
}

static void many_threads_share_one_order(void **state)
{
	struct audit_log *log = open_log(AUDIT_DURABLE, 20000);
	pthread_t threads[8];
	unsigned records, bad;
	uint64_t last;

	(void)state;
	for (int i = 0; i < 8; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, append_many, log), 0);
	}
	for (int i = 0; i < 8; i++) {
		void *failed;

		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	close_log(log);
	read_all(&records, &bad, &last);
	assert_int_equal(records, 1600);
	assert_int_equal(bad, 0);
	assert_int_equal(last, 1599);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(lines_are_ascii_and_lose_nothing),
		STORY(each_byte_is_escaped_wherever_it_stands),
		STORY(arrays_come_back_as_they_stand),
		STORY(any_bytes_come_back),
		STORY(a_record_too_long_is_refused),
		STORY(what_is_appended_is_read),
		STORY(what_is_gathered_waits_for_a_flush_or_a_moment),
		STORY(a_close_comes_while_a_segment_is_begun),
		STORY(an_append_that_fails_leaves_what_others_gathered),
		STORY(a_folder_has_one_writer),
		STORY(a_file_that_is_locked_counts),
		STORY(a_lock_that_is_let_go_soon_is_waited_for),
		STORY(segments_follow_each_other),
		STORY(segments_follow_each_other_buffered),
		STORY(a_torn_tail_is_cut_and_told),
		STORY(a_torn_segment_with_nothing_whole_asks_the_one_before),
		STORY(a_foreign_file_is_not_written_to),
		STORY(lines_that_are_none_are_told_and_stepped_over),
		STORY(a_full_disk_refuses_and_recovers),
		STORY(many_threads_share_one_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
