/*
 * Memory for mbedTLS where its own choice, malloc, stays: on Windows, in an installed mbedTLS that
 * cannot be told otherwise, and under sanitizers, which watch malloc's.
 */
#include "certs/system.h"

void certs_system_memory(void)
{
}
