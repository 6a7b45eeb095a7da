#ifndef REPORT_H
#define REPORT_H

#include "account.h"
#include "buf.h"
#include "config.h"
#include "err.h"
#include "loop.h"

/* What an account is at, as one JSON object that status prints and SIGUSR1
 * shows as text. docs/status.md names its members. */

/* Of an account at work, appended. rows: how many tasks and timers of a
 * generation are told one by one; 0: only counted. */
int report_account(struct account *account, int rows, struct buf *out,
                   struct err *err);
/* Of one that no process runs: what its folder knows. Takes no lock, makes
 * nothing that is not there. */
int report_folder(struct loop *loop, const char *account, struct buf *out,
                  struct err *err);

/* A report as a person reads it, appended; what does not fit is left out. */
void report_text(struct slice report, struct buf *out);
/* What a report shows, the worst last: all is fine; a script is not what is on
 * disk; it does not run or sync. */
enum report_health { REPORT_FINE, REPORT_SCRIPT, REPORT_BAD };
enum report_health report_health(struct slice report);

#endif
