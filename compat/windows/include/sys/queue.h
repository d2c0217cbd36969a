/*
 * The lists and tail queues of queue(7), as far as they are used here.
 */
#ifndef SALLYPORT_COMPAT_SYS_QUEUE_H
#define SALLYPORT_COMPAT_SYS_QUEUE_H

/* <event2/event_struct.h> leaves some of these defined. */
#undef LIST_ENTRY
#undef TAILQ_ENTRY
#undef TAILQ_HEAD

/* ---- doubly linked list: `back` is the pointer that leads here ---- */

#define LIST_HEAD(name, type)       \
	struct name {               \
		struct type *first; \
	}
#define LIST_ENTRY(type)                   \
	struct {                           \
		struct type *next, **back; \
	}
#define LIST_INIT(head)        ((void)((head)->first = NULL))
#define LIST_FIRST(head)       ((head)->first)
#define LIST_NEXT(item, field) ((item)->field.next)
#define LIST_EMPTY(head)       ((head)->first == NULL)
#define LIST_FOREACH(item, head, field) \
	for ((item) = (head)->first; (item) != NULL; (item) = (item)->field.next)
#define LIST_INSERT_HEAD(head, item, field)                              \
	do {                                                             \
		(item)->field.next = (head)->first;                      \
		(item)->field.back = &(head)->first;                     \
		if ((head)->first != NULL) {                             \
			(head)->first->field.back = &(item)->field.next; \
		}                                                        \
		(head)->first = (item);                                  \
	} while (0)
#define LIST_REMOVE(item, field)                                             \
	do {                                                                 \
		if ((item)->field.next != NULL) {                            \
			(item)->field.next->field.back = (item)->field.back; \
		}                                                            \
		*(item)->field.back = (item)->field.next;                    \
	} while (0)

/* ---- tail queue: the head knows the last `next`, to append in one step ---- */

#define TAILQ_HEAD(name, type)             \
	struct name {                      \
		struct type *first, **end; \
	}
#define TAILQ_ENTRY(type)                  \
	struct {                           \
		struct type *next, **back; \
	}
#define TAILQ_INIT(head)                      \
	do {                                  \
		(head)->first = NULL;         \
		(head)->end = &(head)->first; \
	} while (0)
#define TAILQ_FIRST(head)       ((head)->first)
#define TAILQ_NEXT(item, field) ((item)->field.next)
#define TAILQ_EMPTY(head)       ((head)->first == NULL)
#define TAILQ_FOREACH(item, head, field) \
	for ((item) = (head)->first; (item) != NULL; (item) = (item)->field.next)
#define TAILQ_INSERT_TAIL(head, item, field)       \
	do {                                       \
		(item)->field.next = NULL;         \
		(item)->field.back = (head)->end;  \
		*(head)->end = (item);             \
		(head)->end = &(item)->field.next; \
	} while (0)
#define TAILQ_INSERT_HEAD(head, item, field)                             \
	do {                                                             \
		(item)->field.next = (head)->first;                      \
		if ((head)->first != NULL) {                             \
			(head)->first->field.back = &(item)->field.next; \
		} else {                                                 \
			(head)->end = &(item)->field.next;               \
		}                                                        \
		(head)->first = (item);                                  \
		(item)->field.back = &(head)->first;                     \
	} while (0)
/* Head and entry have one shape: the last entry's `back` is the `end` of what is before it. */
#define TAILQ_LAST(head, name) (*(((struct name *)(void *)((head)->end))->end))
#define TAILQ_REMOVE(head, item, field)                                      \
	do {                                                                 \
		if ((item)->field.next != NULL) {                            \
			(item)->field.next->field.back = (item)->field.back; \
		} else {                                                     \
			(head)->end = (item)->field.back;                    \
		}                                                            \
		*(item)->field.back = (item)->field.next;                    \
	} while (0)

#endif
