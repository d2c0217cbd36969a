/*
 * Bytes in their order: what a leg has received and nobody used yet, or what it has to send.
 *
 * Nearly all are used in the turn of the loop in which they came. So they lie in memory of the
 * thread, which one buffer of a kind has at a time; when another wants it, what is left of them
 * goes into an evbuffer. In its usual course a request allocates nothing for its bytes, and an
 * empty buffer holds none. A buffer never leaves its thread.
 */
#ifndef SALLYPORT_GATEWAY_BUFFER_H
#define SALLYPORT_GATEWAY_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

struct buffer;

enum buffer_kind { BUFFER_IN, BUFFER_OUT, BUFFER_KINDS };

/* The most that lies in one piece in the thread's memory. */
#define BUFFER_ROOM (96 * 1024)

struct buffer *buffer_create(enum buffer_kind kind); /* NULL: memory is out */
void buffer_destroy(struct buffer *b);
/* A thread whose buffers are all destroyed gives back what they shared. */
void buffer_finish_thread(void);

size_t buffer_length(const struct buffer *b);
/* Room for `size` bytes, BUFFER_ROOM at most, in one piece behind what is there; NULL: memory is
 * out. It counts when buffer_commit says how much of it was filled, before anything else is done
 * with a buffer of the kind. */
void *buffer_reserve(struct buffer *b, size_t size) __attribute__((warn_unused_result));
void buffer_commit(struct buffer *b, size_t len);
/* A copy of them. False: memory is out. */
bool buffer_add(struct buffer *b, const void *data, size_t len) __attribute__((warn_unused_result));
/* The first bytes that lie in one piece, `least` of them together (which must be there); NULL:
 * there are none, or memory is out. Valid until the buffer is touched. */
const void *buffer_peek(struct buffer *b, size_t least, size_t *ret_len);
/* From the front, BUFFER_PIECES at most; returns how many. Valid until the buffer is touched. */
enum { BUFFER_PIECES = 16 };
struct buffer_piece {
	void *data;
	size_t len;
};
int buffer_pieces(struct buffer *b, struct buffer_piece ret_pieces[BUFFER_PIECES]);
void buffer_drain(struct buffer *b, size_t len); /* the first are used */

#endif
