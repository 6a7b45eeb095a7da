#ifndef REPL_H
#define REPL_H

#include <stdbool.h>

#include "account.h"
#include "err.h"
#include "slice.h"

/* The running process's side of `lunatrix repl`: a conversation over the
 * control socket, a JSON object a line. It begins with {"do":"repl",
 * "script":?}, answered by {"repl":{script, generation}} (0: it did not load)
 * or {"error":..}. Then each of
 *     {"code":text}        runs it
 *     {"complete":text}    what its last word may become
 *     {"events":bool}      shows the events that the script's handlers get
 *     {"handlers":true} {"timers":true}
 * is answered by one {"done":..} or {"error":{kind, error, where?,
 * traceback?}}.
 * {"cancel":true} has no answer: what runs ends with an error. At any time
 * come {"print":text}, {"event":{..}, "room_id":..}, {"moved":generation}
 * (another one is in charge; the names are gone) and {"lost":n}: that many
 * lines were left out, for nobody read them. */
struct repl;

/* line: a JSON object without its end. must: an answer, not to be left out.
 * Also from inside Lua: repl_close comes later. */
typedef void repl_say_fn(void *arg, struct slice line, bool must);

/* Says the first answer. Returns owned, or NULL with *err filled. */
struct repl *repl_open(struct account *account, struct slice request,
                       repl_say_fn *say, void *arg, struct err *err);
void repl_line(struct repl *repl, struct slice line);
void repl_close(struct repl *repl); /* NULL is fine */

#endif
