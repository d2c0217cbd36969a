/*
 * See journal.h. What was judged whole by its hash is what counts after a crash: a frame that is
 * torn, or left of an earlier generation, ends the journal.
 */
#include "audit/journal.h"
#include "audit/os.h"
#include "audit/segments.h"
#include "audit/sha256.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char audit_journal_name[] = "journal";

static const char magic[8] = "sp-jrnl1";
enum { HASHED = 32, FRAME_PREFIX = 2, ZEROS = 64 * 1024 };

struct journal {
	int fd;            /* owned */
	bool broken;       /* a write failed: not before the next begin */
	unsigned segment;  /* that it goes on with */
	uint64_t offset;   /* ... and where */
	uint64_t position; /* in the journal itself */
	uint64_t generation;
};

/* ---- frames ---- */

struct frame {
	unsigned segment;
	uint64_t offset, generation;
	const char *data;
	uint32_t len;
};

static void put_number(unsigned char *at, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++) {
		at[i] = (unsigned char)(value >> (8 * i));
	}
}

static uint64_t get_number(const unsigned char *at, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = bytes; i > 0; i--) {
		value = value << 8 | at[i - 1];
	}
	return value;
}

static bool frame_write(const struct frame *f, unsigned char header[JOURNAL_HEADER])
{
	memcpy(header, magic, sizeof(magic));
	put_number(header + 8, f->segment, 4);
	put_number(header + 12, f->len, 4);
	put_number(header + 16, f->offset, 8);
	put_number(header + 24, f->generation, 8);
	return sha256_parts(FRAME_PREFIX, header, HASHED, f->data, f->len, header + HASHED);
}

/* False: no whole frame stands there. */
static bool frame_read(const unsigned char *at, size_t left, struct frame *ret_frame)
{
	struct frame f;
	unsigned char hash[32];

	if (left < JOURNAL_HEADER || memcmp(at, magic, sizeof(magic)) != 0) {
		return false;
	}
	f.segment = (unsigned)get_number(at + 8, 4);
	f.len = (uint32_t)get_number(at + 12, 4);
	f.offset = get_number(at + 16, 8);
	f.generation = get_number(at + 24, 8);
	f.data = (const char *)at + JOURNAL_HEADER;
	if (f.len == 0 || f.len > left - JOURNAL_HEADER || f.data[f.len - 1] != '\n' ||
		f.offset > INT64_MAX - JOURNAL_BYTES ||
		!sha256_parts(FRAME_PREFIX, at, HASHED, f.data, f.len, hash) ||
		memcmp(hash, at + HASHED, sizeof(hash)) != 0) {
		return false;
	}
	*ret_frame = f;
	return true;
}

/* ---- writing ---- */

static bool put_all(int fd, const void *data, size_t len, uint64_t offset)
{
	const char *at = data;

	while (len > 0) {
		ssize_t n = audit_os->put_at(fd, at, len, (off_t)offset);

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			return false;
		}
		at += n;
		len -= (size_t)n;
		offset += (uint64_t)n;
	}
	return true;
}

/* Every block is there, and written once: from now on nothing but their content changes. */
static int make_file(int dir)
{
	static const char zeros[ZEROS];
	int fd = audit_os->create(dir, audit_journal_name, O_RDWR | O_TRUNC);
	uint64_t size = 0;

	while (fd >= 0 && size < JOURNAL_BYTES && put_all(fd, zeros, ZEROS, size)) {
		size += ZEROS;
	}
	if (fd >= 0 &&
		(size < JOURNAL_BYTES || audit_os->sync(fd) != 0 || audit_os->sync(dir) != 0)) {
		close(fd);
		(void)unlinkat(dir, audit_journal_name, 0);
		fd = -1;
	}
	return fd;
}

void audit_journal_begin(struct journal **journal, int dir, unsigned segment, uint64_t offset)
{
	struct journal *j = *journal;

	if (j == NULL) {
		j = calloc(1, sizeof(*j));
		if (j == NULL) {
			return;
		}
		j->fd = make_file(dir);
		if (j->fd < 0) {
			free(j);
			return;
		}
		*journal = j;
	}
	j->generation++; /* the file was zeros: no frame in it has this one */
	j->segment = segment;
	j->offset = offset;
	j->position = 0;
	j->broken = false;
}

bool audit_journal_takes(const struct journal *j, unsigned segment, uint64_t offset, size_t len)
{
	return j != NULL && !j->broken && segment == j->segment && offset == j->offset &&
	       len <= JOURNAL_BYTES && j->position + JOURNAL_HEADER + len <= JOURNAL_BYTES;
}

bool audit_journal_add(
	struct journal *j, unsigned segment, uint64_t offset, char *frame, size_t len)
{
	struct frame f = {segment, offset, 0, frame + JOURNAL_HEADER, (uint32_t)len};
	size_t whole = JOURNAL_HEADER + len;

	if (!audit_journal_takes(j, segment, offset, len)) {
		return false;
	}
	f.generation = j->generation;
	if (!frame_write(&f, (unsigned char *)frame) ||
		!put_all(j->fd, frame, whole, j->position) || audit_os->sync_data(j->fd) != 0) {
		j->broken = true;
		return false;
	}
	j->position += whole;
	j->offset += len;
	return true;
}

void audit_journal_end(struct journal *j, int dir, bool synced)
{
	if (j == NULL) {
		return;
	}
	close(j->fd);
	free(j);
	if (synced) {
		(void)unlinkat(dir, audit_journal_name, 0);
	}
}

/* ---- after a crash ---- */

struct journalled {
	char *text; /* owned */
	size_t len;
	unsigned segment;
	uint64_t offset;
};

size_t audit_journal_join(char *text, size_t size, unsigned *ret_segment, uint64_t *ret_offset)
{
	struct frame first = {0}, f;
	size_t len = 0, position = 0;

	while (frame_read((unsigned char *)text + position, size - position, &f)) {
		if (position == 0) {
			first = f;
		} else if (f.generation != first.generation || f.segment != first.segment ||
			   f.offset != first.offset + len) {
			break;
		}
		position += JOURNAL_HEADER + f.len;
		memmove(text + len, f.data, f.len);
		len += f.len;
	}
	*ret_segment = first.segment;
	*ret_offset = first.offset;
	return len;
}

/* AUDIT_END: there is no journal. */
static int load(int dir, struct journalled *all, struct audit_diag *diag)
{
	int fd = open_to_read(dir, audit_journal_name);
	struct stat st;
	size_t size;
	int error = AUDIT_OK;

	if (fd < 0 && errno == ENOENT) {
		return AUDIT_END;
	}
	if (fd < 0 || fstat(fd, &st) != 0) {
		error = audit_say(diag, AUDIT_EIO, audit_journal_name, "cannot be read");
		goto out;
	}
	size = st.st_size < JOURNAL_BYTES ? (size_t)st.st_size : JOURNAL_BYTES;
	all->text = malloc(size + 1);
	if (all->text == NULL) {
		error = audit_say(diag, AUDIT_EMEMORY, audit_journal_name, "memory is out");
	} else if (pread(fd, all->text, size, 0) != (ssize_t)size) {
		error = audit_say(diag, AUDIT_EIO, audit_journal_name, "cannot be read");
	} else {
		all->len = audit_journal_join(all->text, size, &all->segment, &all->offset);
	}
out:
	if (fd >= 0) {
		close(fd);
	}
	return error;
}

/* How much of the joined text stands in the segment already. */
static int compare(int fd, const struct journalled *all, size_t *ret_same)
{
	char *there = malloc(all->len);
	ssize_t got = there != NULL ? pread(fd, there, all->len, (off_t)all->offset) : -1;
	size_t same = 0;

	while (got > 0 && same < (size_t)got && there[same] == all->text[same]) {
		same++;
	}
	free(there);
	*ret_same = same;
	return got < 0 ? AUDIT_EIO : AUDIT_OK;
}

static uint64_t count_lines(const char *text, size_t len)
{
	uint64_t n = 0;

	for (size_t i = 0; i < len; i++) {
		n += text[i] == '\n';
	}
	return n;
}

static int write_from(int fd, const struct journalled *all, size_t from)
{
	return put_all(fd, all->text + from, all->len - from, all->offset + from) &&
			       audit_os->sync(fd) == 0
		       ? AUDIT_OK
		       : AUDIT_EIO;
}

/* AUDIT_END: closed, and compressed or gone. */
static int open_segment(int dir, unsigned segment, int flags, int *ret_fd, struct audit_diag *diag)
{
	char name[SEGMENT_NAME];

	segment_name(segment, name);
	*ret_fd = openat(dir, name, flags | O_CLOEXEC | O_NOFOLLOW);
	if (*ret_fd >= 0) {
		return AUDIT_OK;
	}
	return errno == ENOENT ? AUDIT_END : audit_say(diag, AUDIT_EIO, name, "cannot be opened");
}

int audit_journal_rewrite(
	int dir, unsigned segment, uint64_t offset, char *data, size_t len, struct audit_diag *diag)
{
	struct journalled all = {data, len, segment, offset};
	int fd, error = open_segment(dir, segment, O_RDWR, &fd, diag);

	if (error != AUDIT_OK) {
		return error == AUDIT_END ? AUDIT_OK : error;
	}
	if (write_from(fd, &all, 0) != AUDIT_OK) {
		error = audit_say(diag, AUDIT_EIO, "segment", "cannot be written again");
	}
	close(fd);
	return error;
}

int audit_journal_write_back(const struct journal *j, int dir, struct audit_diag *diag)
{
	struct journalled all = {.text = NULL};
	int error = load(dir, &all, diag);

	/* A last frame that failed may look whole: its lines are not the segment's yet. */
	if (error == AUDIT_OK && all.len > 0 && all.offset + all.len > j->offset) {
		all.len = all.offset < j->offset ? (size_t)(j->offset - all.offset) : 0;
	}
	if (error == AUDIT_OK && all.len > 0) {
		error = audit_journal_rewrite(
			dir, all.segment, all.offset, all.text, all.len, diag);
	}
	free(all.text);
	return error;
}

/* What the segment lacks of it; it is the last one, or it was synced before the next was begun. */
static int bring_back(int dir, const struct journalled *all, bool look, uint64_t *ret_records,
	struct audit_diag *diag)
{
	unsigned last;
	struct stat st;
	size_t same;
	int fd = -1, error = segments_last(dir, &last);

	if (error != AUDIT_OK) {
		return audit_say(diag, error, ".", "the folder cannot be listed");
	}
	error = last == all->segment ? open_segment(dir, last, look ? O_RDONLY : O_RDWR, &fd, diag)
				     : AUDIT_END;
	if (error != AUDIT_OK) {
		return error == AUDIT_END ? AUDIT_OK : error;
	}
	if (fstat(fd, &st) != 0 || compare(fd, all, &same) != AUDIT_OK) {
		error = audit_say(
			diag, AUDIT_EIO, audit_journal_name, "the segment cannot be read");
		goto out;
	}
	if ((uint64_t)st.st_size < all->offset || same == all->len) {
		goto out; /* shorter than when it was synced: for the seal to judge */
	}
	if (!look && (audit_os->truncate_to(fd, (off_t)(all->offset + same)) != 0 ||
			     write_from(fd, all, same) != AUDIT_OK)) {
		error = audit_say(diag, AUDIT_EIO, audit_journal_name, "cannot be written back");
		goto out;
	}
	*ret_records = count_lines(all->text + same, all->len - same);
out:
	close(fd);
	return error;
}

int audit_journal_recover(int dir, bool look, uint64_t *ret_records, struct audit_diag *diag)
{
	struct journalled all = {.text = NULL};
	uint64_t records = 0;
	int error = load(dir, &all, diag);

	if (error == AUDIT_OK && all.len > 0) {
		error = bring_back(dir, &all, look, &records, diag);
	}
	free(all.text);
	if (error == AUDIT_OK && !look && unlinkat(dir, audit_journal_name, 0) != 0) {
		error = audit_say(diag, AUDIT_EIO, audit_journal_name, "cannot be taken away");
	}
	if (error == AUDIT_OK || error == AUDIT_END) {
		*ret_records = records;
		error = AUDIT_OK;
	}
	return error;
}
