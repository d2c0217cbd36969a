/*
 * See audit_folder.h. The failing disk stands in for audit_os, the table of calls.
 */
#include "tests/unit/audit_folder.h"
#include "tests/unit/system.h"
#include "audit/note.h"
#include "audit/os.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
/* after what it needs */
#include <cmocka.h>

char folder[64];
struct audit_key folder_key;

int folder_setup(void **state)
{
	(void)state;
	if (!note_key_make(&folder_key)) {
		return -1;
	}
	disk_set(DISK_WORKS, 0, 0);
	return system_make_folder(folder, sizeof(folder)) ? 0 : -1;
}

int folder_teardown(void **state)
{
	(void)state;
	disk_set(DISK_WORKS, 0, 0);
	return system_remove_folder(folder) ? 0 : -1;
}

struct audit_log *folder_log(enum audit_durability durability, uint64_t segment_bytes)
{
	struct audit_options options = {.durability = durability,
		.segment_bytes = segment_bytes,
		.run = "run-1",
		.key = &folder_key};
	struct audit_log *log = NULL;
	struct audit_diag diag;
	int error = audit_open(folder, &options, &log, &diag);

	if (error != AUDIT_OK) {
		print_message("%s: %s\n", diag.path, diag.message);
	}
	assert_int_equal(error, AUDIT_OK);
	return log;
}

int folder_append(struct audit_log *log, const char *path, uint64_t *ret_seq)
{
	struct audit_record r;
	struct audit_diag diag;

	audit_record_init(&r);
	r.kind = AUDIT_INTENT;
	r.host = "a.test";
	r.path = path;
	return audit_append(log, &r, ret_seq, &diag);
}

void folder_wait(struct audit_log *log, uint64_t seq)
{
	for (int i = 0; i < 100000 && !audit_is_committed(log, seq); i++) {
		system_moment();
	}
	assert_true(audit_is_committed(log, seq));
}

struct audit_verdict folder_verdict(const char *since)
{
	struct audit_verdict verdict = {.bad = AUDIT_BAD_UNKNOWN};
	struct audit_diag diag;
	int error = audit_verify(folder, &folder_key.public, 1, since, &verdict, &diag);

	if (error != AUDIT_OK) {
		snprintf(verdict.message, sizeof(verdict.message), "%.150s", diag.message);
	}
	return verdict;
}

static void path_of(const char *name, char path[128])
{
	snprintf(path, 128, "%s/%s", folder, name);
}

struct bytes folder_load(const char *name)
{
	char path[128];
	struct bytes b = {NULL, 0};
	FILE *file;

	path_of(name, path);
	file = fopen(path, "rb");
	assert_non_null(file);
	b.at = calloc(1, 1 << 20);
	assert_non_null(b.at);
	b.len = fread(b.at, 1, (1 << 20) - 1, file);
	fclose(file);
	return b;
}

void folder_store(const char *name, const char *data, size_t len)
{
	char path[128];
	FILE *file;

	path_of(name, path);
	file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, len, file), len);
	fclose(file);
}

void folder_remove(const char *name)
{
	char path[128];

	path_of(name, path);
	assert_int_equal(unlink(path), 0);
}

bool folder_has(const char *name)
{
	char path[128];

	path_of(name, path);
	return access(path, F_OK) == 0;
}

/* ---- a disk that fails ---- */

static atomic_uint calls;
static enum disk_mode disk_mode;
static unsigned disk_at;
static int disk_error;

/* Is this call to fail? With `half`: it is to do half of its work first. */
static bool fails(bool *half)
{
	unsigned n = atomic_fetch_add(&calls, 1);
	bool hit = n == disk_at;

	*half = hit && (disk_mode == DISK_SHORT || disk_mode == DISK_DEAD);
	if (disk_mode == DISK_WORKS || (!hit && !(disk_mode == DISK_DEAD && n > disk_at)) ||
		(hit && disk_error == 0)) {
		return false;
	}
	errno = disk_error != 0 ? disk_error : EIO;
	return true;
}

static int create(int dir, const char *name, int flags)
{
	bool half;

	return fails(&half) ? -1 : audit_os_real.create(dir, name, flags);
}

static ssize_t put_at(int fd, const void *data, size_t len, off_t offset)
{
	bool half, failing = fails(&half);

	if (half && len > 1) {
		return audit_os_real.put_at(fd, data, len / 2, offset);
	}
	return failing ? -1 : audit_os_real.put_at(fd, data, len, offset);
}

/* What would be on a real disk: each file as it was at its last sync. */
static struct {
	uint64_t file; /* system_file_id */
	struct bytes content;
} synced[256];
static unsigned n_synced;
static pthread_mutex_t synced_mutex = PTHREAD_MUTEX_INITIALIZER;

static struct bytes *synced_content(uint64_t file)
{
	for (unsigned i = 0; i < n_synced; i++) {
		if (synced[i].file == file) {
			return &synced[i].content;
		}
	}
	assert_true(n_synced < sizeof(synced) / sizeof(synced[0]));
	synced[n_synced].file = file;
	synced[n_synced].content = (struct bytes){NULL, 0};
	return &synced[n_synced++].content;
}

static struct bytes load_again(int fd)
{
	struct stat st;
	struct bytes b = {NULL, 0};

	assert_int_equal(fstat(fd, &st), 0);
	if (S_ISREG(st.st_mode)) {
		int again = system_open_again(fd);

		assert_true(again >= 0);
		b.len = (size_t)st.st_size;
		b.at = malloc(b.len + 1);
		assert_non_null(b.at);
		assert_int_equal(pread(again, b.at, b.len, 0), b.len);
		close(again);
	}
	return b;
}

/* Bytes that are not as they were at the last sync are zeros then. */
static void lose_pages(int fd, const struct bytes *before)
{
	struct bytes now = load_again(fd);
	int again = now.at != NULL ? system_open_again(fd) : -1;
	static const char zero;

	for (size_t i = 0; i < now.len; i++) {
		if (now.at[i] != '\0' && (i >= before->len || now.at[i] != before->at[i])) {
			assert_int_equal(pwrite(again, &zero, 1, (off_t)i), 1);
		}
	}
	if (again >= 0) {
		close(again);
	}
	free(now.at);
}

/* This machine goes on: what a sync would bring to the disk is there. */
static int sync_either(int fd)
{
	bool half, failing = fails(&half);
	struct bytes *before;

	pthread_mutex_lock(&synced_mutex);
	before = synced_content(system_file_id(fd));
	if (!failing) {
		free(before->at);
		*before = load_again(fd);
	} else if (disk_mode == DISK_LOSES) {
		lose_pages(fd, before);
	}
	pthread_mutex_unlock(&synced_mutex);
	return failing ? -1 : 0;
}

void disk_hold(void)
{
	pthread_mutex_lock(&synced_mutex);
}

void disk_release(void)
{
	pthread_mutex_unlock(&synced_mutex);
}

/* Of what is written since the last sync each page may be on the disk or not, and the length. */
static void lose_unsynced(const char *path, unsigned chance)
{
	enum { PAGE = 256 }; /* records are short here */
	static char zeros[PAGE];
	struct stat st;
	struct bytes *before, now;
	int fd;

	if (stat(path, &st) != 0 || !S_ISREG(st.st_mode)) {
		return;
	}
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	before = synced_content(system_file_id(fd));
	now = load_again(fd);
	if (chance == 0) {
		assert_int_equal(ftruncate(fd, (off_t)before->len), 0);
	}
	for (size_t at = 0, n = 0; at < (chance == 0 ? before->len : now.len); at += PAGE, n++) {
		size_t was = at < before->len ? before->len - at : 0;

		was = was < PAGE ? was : PAGE;
		if (chance != 0 && (chance >> n % 8 & 1) != 0) {
			continue;
		}
		if (was > 0) {
			assert_int_equal(pwrite(fd, before->at + at, was, (off_t)at), was);
		}
		if (chance != 0 && now.len > at + was) { /* it is as long as it was to be */
			size_t more = now.len - at - was;

			more = more < PAGE - was ? more : PAGE - was;
			assert_int_equal(pwrite(fd, zeros, more, (off_t)(at + was)), more);
		}
	}
	free(now.at);
	close(fd);
}

void disk_power_lost(unsigned chance)
{
	DIR *entries = opendir(folder);
	struct dirent *entry;
	char path[sizeof(folder) + sizeof(entry->d_name)];

	assert_non_null(entries);
	while ((entry = readdir(entries)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		lose_unsynced(path, strstr(entry->d_name, ".jsonl") != NULL ? chance : 0);
	}
	closedir(entries);
}

static int truncate_to(int fd, off_t size)
{
	bool half;

	return fails(&half) ? -1 : audit_os_real.truncate_to(fd, size);
}

static const struct audit_os failing = {create, put_at, sync_either, sync_either, truncate_to};

void disk_set(enum disk_mode mode, unsigned at, int error)
{
	atomic_store(&calls, 0);
	while (n_synced > 0) {
		free(synced[--n_synced].content.at);
	}
	disk_mode = mode;
	disk_at = at;
	disk_error = error;
	audit_os = mode == DISK_WORKS ? &audit_os_real : &failing;
}

unsigned disk_calls(void)
{
	return atomic_load(&calls);
}
