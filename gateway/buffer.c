/*
 * What waits is in `kept`; what came last may lie in the thread's memory, behind it.
 */
#include "gateway/buffer.h"

#include <assert.h>
#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>

struct buffer {
	enum buffer_kind kind;
	struct evbuffer *kept; /* owned; NULL: nothing had to wait so far */
};

/* Made when it is first used: a thread's own arrays would be zeroed for every thread of the process
 * when that starts. */
struct lent {
	struct buffer *to; /* borrowed; NULL: nobody */
	size_t begin, end; /* of its bytes */
	char bytes[BUFFER_ROOM];
};
static _Thread_local struct lent *lent[BUFFER_KINDS]; /* owned */

/* NULL: it has none. */
static struct lent *lent_to(const struct buffer *b)
{
	struct lent *l = lent[b->kind];

	return l != NULL && l->to == b ? l : NULL;
}

static size_t kept_by(const struct buffer *b)
{
	return b->kept != NULL ? evbuffer_get_length(b->kept) : 0;
}

/* Nobody has it then. False: memory is out, and nothing has changed. */
static bool take_back(struct lent *l)
{
	struct buffer *b = l->to;

	if (b != NULL && l->begin < l->end) {
		if (b->kept == NULL) {
			b->kept = evbuffer_new();
		}
		if (b->kept == NULL ||
			evbuffer_add(b->kept, l->bytes + l->begin, l->end - l->begin) != 0) {
			return false;
		}
	}
	l->to = NULL;
	l->begin = l->end = 0;
	return true;
}

struct buffer *buffer_create(enum buffer_kind kind)
{
	struct buffer *b = malloc(sizeof(*b));

	if (b != NULL) {
		b->kind = kind;
		b->kept = NULL;
	}
	return b;
}

void buffer_destroy(struct buffer *b)
{
	struct lent *l = b != NULL ? lent_to(b) : NULL;

	if (l != NULL) {
		l->to = NULL;
		l->begin = l->end = 0;
	}
	if (b != NULL && b->kept != NULL) {
		evbuffer_free(b->kept);
	}
	free(b);
}

void buffer_finish_thread(void)
{
	for (int i = 0; i < BUFFER_KINDS; i++) {
		free(lent[i]);
		lent[i] = NULL;
	}
}

size_t buffer_length(const struct buffer *b)
{
	const struct lent *l = lent_to(b);

	return kept_by(b) + (l != NULL ? l->end - l->begin : 0);
}

void *buffer_reserve(struct buffer *b, size_t size)
{
	struct lent *l = lent[b->kind];

	assert(size <= BUFFER_ROOM);
	if (l == NULL) {
		l = lent[b->kind] = malloc(sizeof(*l));
		if (l == NULL) {
			return NULL;
		}
		l->to = NULL;
		l->begin = l->end = 0;
	}
	if ((l->to != b || BUFFER_ROOM - l->end < size) && !take_back(l)) {
		return NULL;
	}
	l->to = b;
	return l->bytes + l->end;
}

void buffer_commit(struct buffer *b, size_t len)
{
	struct lent *l = lent_to(b);

	assert(l != NULL && len <= BUFFER_ROOM - l->end);
	l->end += len;
}

bool buffer_add(struct buffer *b, const void *data, size_t len)
{
	const char *from = data;

	while (len > 0) {
		size_t n = len < BUFFER_ROOM ? len : BUFFER_ROOM;
		void *room = buffer_reserve(b, n);

		if (room == NULL) {
			return false;
		}
		memcpy(room, from, n);
		buffer_commit(b, n);
		from += n;
		len -= n;
	}
	return true;
}

const void *buffer_peek(struct buffer *b, size_t least, size_t *ret_len)
{
	struct lent *l = lent_to(b);
	size_t kept = kept_by(b);

	if (kept == 0) {
		*ret_len = l != NULL ? l->end - l->begin : 0;
		return *ret_len > 0 ? l->bytes + l->begin : NULL;
	}
	if (kept < least && l != NULL && !take_back(l)) {
		return NULL;
	}
	/* Not evbuffer_peek: that counts a chunk that was reserved and stayed empty. */
	*ret_len = evbuffer_get_contiguous_space(b->kept);
	*ret_len = *ret_len > least ? *ret_len : least;
	return evbuffer_pullup(b->kept, (ev_ssize_t)*ret_len);
}

int buffer_pieces(struct buffer *b, struct buffer_piece ret_pieces[BUFFER_PIECES])
{
	struct evbuffer_iovec kept[BUFFER_PIECES];
	struct lent *l = lent_to(b);
	int there = kept_by(b) > 0 ? evbuffer_peek(b->kept, -1, NULL, kept, BUFFER_PIECES) : 0, n;

	for (n = 0; n < there && n < BUFFER_PIECES; n++) {
		ret_pieces[n] = (struct buffer_piece){kept[n].iov_base, kept[n].iov_len};
	}
	if (n < BUFFER_PIECES && l != NULL && l->begin < l->end) {
		ret_pieces[n++] = (struct buffer_piece){l->bytes + l->begin, l->end - l->begin};
	}
	return n;
}

void buffer_drain(struct buffer *b, size_t len)
{
	struct lent *l = lent_to(b);
	size_t kept = kept_by(b), first = len < kept ? len : kept;

	if (first > 0) {
		evbuffer_drain(b->kept, first);
	}
	len -= first;
	if (len > 0) {
		assert(l != NULL && len <= l->end - l->begin);
		l->begin += len;
	}
	if (l != NULL && l->begin == l->end) {
		l->begin = l->end = 0;
	}
}
