/*
 * Keeps paths from being taken over by way of the folders above them. Private to cli/.
 */
#ifndef SALLYPORT_CLI_RUN_VIEW_PIN_H
#define SALLYPORT_CLI_RUN_VIEW_PIN_H

#include "cli/run/view.h"

void view_pin(struct view *v);
void view_pin_last(struct view *v); /* the entry added last, whatever it is */

#endif
