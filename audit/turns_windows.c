/* Nothing of the kind is asked for here. */
#include "audit/turns.h"

void turns_short(void)
{
}
