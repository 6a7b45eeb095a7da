#ifndef SECRET_H
#define SECRET_H

#include "buf.h"
#include "err.h"
#include "slice.h"

/* Secrets come from files, descriptors or commands, never from arguments,
 * the environment or the configuration itself. Files that others can read are
 * refused. One trailing line end is cut. What is read is told to the log, so
 * that it never shows. All append to out; 0 or -1 with ERR_CONFIG. */

/* value: JSON {"file":..} {"fd":..} or {"command":[..]}; a plain string is an
 * error. name: for messages. Relative files: $CREDENTIALS_DIRECTORY, then
 * secrets/ below directory. A descriptor gives its bytes once: it is closed,
 * and whoever asks again gets the same. A command is waited for, and killed
 * after ms. */
int secret_read(const char *name, struct slice value, const char *directory,
                int64_t ms, struct buf *out, struct err *err);
/* Wipes what descriptors gave. */
void secret_forget(void);
/* Until the end, which wipes it, what a command printed is kept, so that each
 * one runs once however often it is asked for. */
void secret_keep_begin(void);
void secret_keep_end(void);
/* A file by name, looked up the same way. */
int secret_file(const char *name, const char *directory, struct buf *out,
                struct err *err);
/* A file by its path. */
int secret_path(const char *path, struct buf *out, struct err *err);
/* Asks on the terminal, without echo; ERR_CONFIG when there is none. */
int secret_ask(const char *prompt, struct buf *out, struct err *err);

#endif
