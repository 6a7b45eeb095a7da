#ifndef API_NAME_H
#define API_NAME_H

#include "err.h"

/* Host calls as the people who write scripts know them. */

#define API_NAME 48

/* "room:send" for "room.send", "bot:on" for "script.on". */
void api_name(const char *call, char out[API_NAME]);
/* Makes of an error of that call (NULL: of none) one for scripts: the name in
 * front of its text, and a kind that scripts are promised. */
void api_name_error(struct err *err, const char *call);

#endif
