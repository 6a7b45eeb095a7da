#ifndef CALL_LOG_H
#define CALL_LOG_H

#include "call.h"

/* Tells the log how many lines of this caller were dropped, if any were. */
void call_log_tell_dropped(struct caller *caller);

#endif
