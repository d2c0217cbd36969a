/*
 * Request bytes on standard input; the gateway's pure stages; on standard output "refused:WORD" or
 * "sent" and a line end, then the bytes as they would go to the origin.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/http/rewrite.h"

enum { INPUT_MAX = 16 << 20 };

int main(void)
{
	char *bytes = malloc(INPUT_MAX);
	struct rewritten r;
	size_t len;

	if (bytes == NULL) {
		return 1;
	}
	len = fread(bytes, 1, INPUT_MAX, stdin);
	rewrite_request(bytes, len, &r);
	if (r.refused != NULL) {
		printf("refused:%s\n", r.refused);
	} else {
		printf("sent\n");
		fwrite(r.data, 1, r.len, stdout);
	}
	rewritten_finish(&r);
	free(bytes);
	return 0;
}
