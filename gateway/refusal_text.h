/*
 * The body of a refusal: what was asked, why not, and what would allow it.
 */
#ifndef SALLYPORT_GATEWAY_REFUSAL_TEXT_H
#define SALLYPORT_GATEWAY_REFUSAL_TEXT_H

#include <stdbool.h>

struct session;

/* In the exchange's arena; NULL when memory is out. */
char *refusal_text(struct session *s, bool json);
/* Why the rules refused it; of a statement for another program, who asks. */
const char *refusal_sentence(struct session *s);
/* The statement to add, where one would help, or "". */
const char *refusal_suggestion(struct session *s);

#endif
