/*
 * Where does the record end? After a crash the last segment may end inside a record: that torn tail
 * was never acknowledged. The writer cuts it, and records that, once the seal is found to be over
 * nothing in it.
 */
#include "audit/line.h"
#include "audit/os.h"
#include "audit/segments.h"
#include "audit/zst.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int audit_say(struct audit_diag *diag, int error, const char *path, const char *what)
{
	const char *reason = strerror(errno);

	memset(diag, 0, sizeof(*diag));
	snprintf(diag->path, sizeof(diag->path), "%s", path);
	snprintf(diag->message, sizeof(diag->message), "%s%s%s", what,
		error == AUDIT_EIO ? ": " : "", error == AUDIT_EIO ? reason : "");
	return error;
}

void segment_name(unsigned number, char name[SEGMENT_NAME])
{
	snprintf(name, SEGMENT_NAME, "%06u.jsonl", number);
}

int segment_open(int dir, unsigned number)
{
	char name[SEGMENT_NAME + 4];
	int fd;

	segment_name(number, name);
	/* A pipe in a segment's place is not waited for: it is an empty one. */
	fd = open_to_read(dir, name);
	if (fd < 0 && errno == ENOENT) {
		strcat(name, ".zst");
		fd = zst_open(dir, name);
	}
	return fd;
}

bool segment_exists(int dir, unsigned number)
{
	char name[SEGMENT_NAME + 4];

	segment_name(number, name);
	if (faccessat(dir, name, R_OK, 0) == 0) {
		return true;
	}
	strcat(name, ".zst");
	return faccessat(dir, name, R_OK, 0) == 0;
}

/* Of those above `after`. */
static int list(int dir, unsigned after, unsigned *ret_first, unsigned *ret_last)
{
	int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = copy >= 0 ? fdopendir(copy) : NULL;
	struct dirent *entry;
	unsigned first = 0, last = 0;

	if (entries == NULL) {
		if (copy >= 0) {
			close(copy);
		}
		return AUDIT_EIO;
	}
	while ((entry = readdir(entries)) != NULL) {
		char *end, name[SEGMENT_NAME];
		size_t len;
		unsigned long number = strtoul(entry->d_name, &end, 10);

		if (number <= after || number > 999999999) {
			continue;
		}
		segment_name((unsigned)number, name);
		len = strlen(name);
		if (strncmp(name, entry->d_name, len) == 0 &&
			(entry->d_name[len] == '\0' || strcmp(entry->d_name + len, ".zst") == 0)) {
			first = first == 0 || number < first ? (unsigned)number : first;
			last = number > last ? (unsigned)number : last;
		}
	}
	closedir(entries);
	*ret_first = first;
	*ret_last = last;
	return AUDIT_OK;
}

int segments_first(int dir, unsigned *ret_number)
{
	unsigned last;

	return list(dir, 0, ret_number, &last);
}

int segments_next(int dir, unsigned number, unsigned *ret_number)
{
	unsigned last;

	return list(dir, number, ret_number, &last);
}

int segments_last(int dir, unsigned *ret_number)
{
	unsigned first;

	return list(dir, 0, &first, ret_number);
}

size_t segment_lines(const char *text, size_t len, size_t *ret_torn)
{
	const char *zero = memchr(text, '\0', len);
	size_t lines = zero != NULL ? (size_t)(zero - text) : len;

	while (lines > 0 && text[lines - 1] != '\n') {
		lines--;
	}
	while (len > lines && text[len - 1] == '\0') {
		len--;
	}
	*ret_torn = len - lines;
	return lines;
}

/* The first zero, and what is behind the last byte that is none; no zero: both are the file's end.
 */
static int find_zeros(int fd, uint64_t *ret_zero, uint64_t *ret_end)
{
	enum { PIECE = 256 * 1024 };
	char *piece = malloc(PIECE);
	uint64_t at = 0, zero = UINT64_MAX, end = 0;
	ssize_t got = -1;

	while (piece != NULL && (got = pread(fd, piece, PIECE, (off_t)at)) > 0) {
		size_t len = (size_t)got;
		const char *first = zero == UINT64_MAX ? memchr(piece, '\0', len) : NULL;

		zero = first != NULL ? at + (uint64_t)(first - piece) : zero;
		for (; len > 0 && piece[len - 1] == '\0'; len--) {
		}
		end = len > 0 ? at + len : end;
		at += (uint64_t)got;
	}
	free(piece);
	*ret_zero = zero < at ? zero : at;
	*ret_end = end;
	return got == 0 ? AUDIT_OK : AUDIT_EIO;
}

/* Bytes up to the last newline, and the last whole line; `*ret_torn`: as segment_lines(). */
static int find_end(int fd, uint64_t *ret_end, uint64_t *ret_torn, char **ret_line)
{
	uint64_t size, used, from;
	size_t len, end, begin;
	char *text;

	*ret_line = NULL;
	*ret_end = 0;
	if (find_zeros(fd, &size, &used) != AUDIT_OK) {
		return AUDIT_EIO;
	}
	from = size > 2 * LINE_MAX_BYTES ? size - 2 * LINE_MAX_BYTES : 0;
	len = (size_t)(size - from);
	text = malloc(len + 1);
	if (text == NULL || pread(fd, text, len, (off_t)from) != (ssize_t)len) {
		free(text);
		return AUDIT_EIO;
	}
	for (end = len; end > 0 && text[end - 1] != '\n'; end--) {
	}
	*ret_torn = used > from + end ? used - from - end : 0;
	if (end == 0) {
		free(text);
		return from == 0 ? AUDIT_OK : AUDIT_EFORMAT;
	}
	for (begin = end - 1; begin > 0 && text[begin - 1] != '\n'; begin--) {
	}
	memmove(text, text + begin, end - begin - 1);
	text[end - begin - 1] = '\0';
	*ret_end = from + end;
	*ret_line = text;
	return AUDIT_OK;
}

static int read_seq(const char *line, uint64_t *ret_seq)
{
	char *end;

	/* The writer puts it first: {"seq":17,... */
	if (strncmp(line, "{\"seq\":", 7) != 0) {
		return AUDIT_EFORMAT;
	}
	*ret_seq = strtoull(line + 7, &end, 10);
	return *end == ',' ? AUDIT_OK : AUDIT_EFORMAT;
}

/* Of its first record, to the second; 0 when it cannot be told. */
static int64_t first_time(int fd)
{
	char text[256];
	ssize_t got = pread(fd, text, sizeof(text) - 1, 0);
	const char *at;
	long y, m, d, hour, minute, second, days;

	text[got > 0 ? got : 0] = '\0';
	at = strstr(text, "\"time\":\"");
	if (at == NULL || sscanf(at + 8, "%4ld-%2ld-%2ldT%2ld:%2ld:%2ld", &y, &m, &d, &hour,
				  &minute, &second) != 6) {
		return 0;
	}
	/* Days since the epoch of a date, the year beginning in March. */
	y -= m <= 2;
	m += m <= 2 ? 9 : -3;
	days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + d - 1 - 719468;
	return (((int64_t)days * 24 + hour) * 60 + minute) * 60 * INT64_C(1000000000) +
	       second * INT64_C(1000000000);
}

/* The last segment may hold nothing whole: then the one before says where the numbers stand. */
static int tail_of(int dir, unsigned segment, struct tail *tail, bool last, struct audit_diag *diag)
{
	char name[SEGMENT_NAME], *line = NULL;
	struct stat st;
	uint64_t end, torn, seq = 0;
	int fd, error;

	segment_name(segment, name);
	fd = last ? open_to_read(dir, name) : segment_open(dir, segment);
	if (fd < 0 || fstat(fd, &st) != 0) {
		error = audit_say(diag, AUDIT_EIO, name, "cannot be read");
		goto out;
	}
	error = find_end(fd, &end, &torn, &line);
	if (error == AUDIT_OK && line != NULL) {
		error = read_seq(line, &seq);
		tail->next_seq = seq + 1;
	}
	if (error != AUDIT_OK) {
		error = audit_say(diag, error, name, "its last line is no record of ours");
		goto out;
	}
	if (last) {
		tail->segment = segment;
		tail->size = end;
		tail->file_size = (uint64_t)st.st_size;
		tail->began = end > 0 ? first_time(fd) : 0;
		tail->torn = torn;
	}
out:
	free(line);
	if (fd >= 0) {
		close(fd);
	}
	return error;
}

int recover_tail(int dir, struct tail *ret_tail, struct audit_diag *diag)
{
	struct tail tail = {.segment = 1};
	unsigned last;
	int error = segments_last(dir, &last);

	if (error != AUDIT_OK) {
		return audit_say(diag, error, ".", "the folder cannot be listed");
	}
	if (last > 0) {
		error = tail_of(dir, last, &tail, true, diag);
	}
	for (unsigned n = last; error == AUDIT_OK && tail.next_seq == 0 && n > 1;) {
		error = tail_of(dir, --n, &tail, false, diag);
	}
	if (error == AUDIT_OK) {
		*ret_tail = tail;
	}
	return error;
}
