/*
 * Lines of a folder, segment after segment, to whoever reads them (parse.c). A line that is no
 * record is told and stepped over; whether it should be there is the verifier's question.
 */
#include "audit/line.h"
#include "audit/parse.h"
#include "audit/segments.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { READ_BYTES = 64 * 1024 };

struct audit_reader {
	int dir, file; /* owned */
	unsigned segment;
	uint64_t line;
	char *buf; /* owned: bytes [begin, end) are not yet read */
	size_t begin, end, size;
	bool begun;    /* a segment was read */
	bool gap;      /* segments between the last one and this are gone: to be told */
	bool skipping; /* the rest of a line too long to be a record */
	bool closed; /* it has no room: there is a segment behind this one, or text behind zeros */
	const char *last; /* in buf: the last line, while `begin` stands behind it */
	size_t last_len;
	struct parsed parsed; /* holds the strings of the last record */
};

int audit_reader_open(const char *dir, struct audit_reader **ret_reader, struct audit_diag *diag)
{
	struct audit_reader *r = calloc(1, sizeof(*r));

	if (r == NULL) {
		return audit_say(diag, AUDIT_EMEMORY, dir, "memory is out");
	}
	r->file = -1;
	r->size = LINE_MAX_BYTES * 2;
	r->buf = malloc(r->size);
	r->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->dir < 0 || r->buf == NULL || segments_first(r->dir, &r->segment) != AUDIT_OK ||
		parsed_init(&r->parsed) != AUDIT_OK) {
		audit_reader_close(r);
		return audit_say(diag, AUDIT_EIO, dir, "cannot be opened");
	}
	if (r->segment == 0) {
		audit_reader_close(r);
		return audit_say(diag, AUDIT_EFORMAT, dir,
			"no record folder: it has no segment like 000001.jsonl");
	}
	*ret_reader = r;
	return AUDIT_OK;
}

void audit_reader_close(struct audit_reader *r)
{
	if (r == NULL) {
		return;
	}
	parsed_finish(&r->parsed);
	if (r->file >= 0) {
		close(r->file);
	}
	if (r->dir >= 0) {
		close(r->dir);
	}
	free(r->buf);
	free(r);
}

/* 0: it is the last one (yet). */
static unsigned next_segment(const struct audit_reader *r)
{
	unsigned next = r->segment + 1;

	if (!segment_exists(r->dir, next) && segments_next(r->dir, r->segment, &next) != AUDIT_OK) {
		next = 0;
	}
	return next;
}

/* A torn end of an older segment is the verifier's. */
static void go_on(struct audit_reader *r, unsigned next)
{
	if (r->file >= 0) {
		close(r->file);
	}
	r->file = -1;
	r->gap = r->gap || next != r->segment + 1;
	r->segment = next;
	r->end = r->begin = 0;
	r->skipping = r->closed = false;
}

/* One that is gone meanwhile, as retention does it, is stepped over. */
static int open_segment(struct audit_reader *r)
{
	while ((r->file = segment_open(r->dir, r->segment)) < 0) {
		unsigned next;

		if (errno != ENOENT) {
			return AUDIT_EIO;
		}
		next = next_segment(r);
		if (next == 0) {
			return AUDIT_END;
		}
		go_on(r, next);
		r->gap = r->begun; /* before the first one there is no telling */
	}
	r->begun = true;
	r->line = 0;
	return AUDIT_OK;
}

static bool is_zeros(const char *text, size_t len)
{
	return len == 0 || (text[0] == '\0' && memcmp(text, text + 1, len - 1) == 0);
}

/*
 * No more than stays in the processor's cache until it is parsed. Up to the zeros that are a busy
 * writer's room: what it writes there is read when it is there. A zero with text behind it is no
 * room; but the writer may have come between the reading of the one and of the other.
 */
static ssize_t read_some(struct audit_reader *r)
{
	for (bool again = false;; again = true) {
		size_t size = r->size - r->end;
		char *to = r->buf + r->end, *zero;
		ssize_t got = read(r->file, to, size < READ_BYTES ? size : READ_BYTES);
		bool room;

		zero = got > 0 && !r->closed ? memchr(to, '\0', (size_t)got) : NULL;
		if (zero == NULL) {
			r->end += got > 0 ? (size_t)got : 0;
			return got;
		}
		if (lseek(r->file, zero - to - got, SEEK_CUR) < 0) {
			return -1;
		}
		room = is_zeros(zero, (size_t)(to + got - zero));
		if (zero > to || room) {
			r->end += (size_t)(zero - to);
			return zero - to;
		}
		r->closed = again;
	}
}

/* What is there of a line may be cut, and another one written in its place. */
static void give_back(struct audit_reader *r)
{
	const size_t len = r->end - r->begin;

	if (!r->skipping && len > 0 && lseek(r->file, -(off_t)len, SEEK_CUR) >= 0) {
		r->end = r->begin;
	}
}

/* One line without its newline; AUDIT_END when no whole one is there (yet). */
static int next_line(struct audit_reader *r, char **ret_line, size_t *ret_len)
{
	for (;;) {
		char *newline = memchr(r->buf + r->begin, '\n', r->end - r->begin);
		ssize_t got;

		if (newline != NULL) {
			bool rest = r->skipping;

			*ret_line = r->buf + r->begin;
			*ret_len = (size_t)(newline - *ret_line);
			r->begin += *ret_len + 1;
			r->skipping = false;
			if (rest) {
				continue;
			}
			r->line++;
			return AUDIT_OK;
		}
		if (r->file < 0) {
			int error = open_segment(r);

			if (error != AUDIT_OK) {
				return error;
			}
		}
		if (r->gap) {
			return AUDIT_EFORMAT;
		}
		memmove(r->buf, r->buf + r->begin, r->end - r->begin);
		r->end -= r->begin;
		r->begin = 0;
		if (r->end == r->size) {
			bool told = r->skipping;

			r->end = 0;
			r->skipping = true;
			if (!told) {
				r->line++;
				return AUDIT_ETOOLONG;
			}
		}
		got = read_some(r);
		if (got < 0) {
			return AUDIT_EIO;
		}
		if (got == 0) {
			unsigned next = next_segment(r);

			if (next == 0) {
				give_back(r);
				r->closed = false; /* the next writer cuts what is torn */
				return AUDIT_END;
			}
			/* What was written after that read and before the next one was begun; and
			 * zeros that are there now are no room. */
			if (!r->closed) {
				r->closed = true;
				continue;
			}
			go_on(r, next);
		}
	}
}

int audit_reader_next(
	struct audit_reader *r, struct audit_record *ret_record, struct audit_diag *diag)
{
	char name[SEGMENT_NAME], *line = NULL;
	size_t len = 0;
	int error = next_line(r, &line, &len);

	r->last = NULL;
	if (error == AUDIT_OK) {
		r->last = line;
		r->last_len = len;
		if (parsed_read(&r->parsed, line, len, ret_record)) {
			return AUDIT_OK;
		}
	}
	if (error == AUDIT_END) {
		return error;
	}
	segment_name(r->segment, name);
	if (error != AUDIT_OK && r->gap) {
		r->gap = false;
		return audit_say(diag, error, name,
			"segments before this one are gone, and the record was begun before");
	}
	error = error != AUDIT_OK ? audit_say(diag, error, name, "cannot be read")
				  : audit_say(diag, AUDIT_EFORMAT, name, "this line is no record");
	diag->line = r->line;
	return error;
}

bool audit_reader_line(const struct audit_reader *r, const char **ret_line, size_t *ret_len)
{
	*ret_line = r->last;
	*ret_len = r->last_len;
	return r->last != NULL;
}
