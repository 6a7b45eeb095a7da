#ifndef DOCTOR_H
#define DOCTOR_H

#include <stdbool.h>

#include "cli_visit.h"
#include "config.h"
#include "json_write.h"

/* Looks for what may keep bots from running: one check after the other, each
 * told with what to do about it. Changes nothing. */

enum doctor_level { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL };

struct doctor {
    bool json;           /* else a line each */
    const char *account; /* the checks are about it; NULL: the machine */
    int told, warned, failed;
};

/* One outcome, printed. fix: what to do, NULL nothing. */
void doctor_tell(struct doctor *doctor, enum doctor_level level,
                 const char *name, const char *fix, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* Versions, descriptors, inotify, services that end at logout. */
void doctor_machine(struct doctor *doctor, const struct config *config);
/* Of one account: folder and modes, disk, control socket. True: there is a
 * login. */
bool doctor_folder(struct doctor *doctor, const char *account);
/* Of one account: discovery, versions, TLS, clock, token. renews: there is a
 * refresh token, too. */
void doctor_server(struct doctor *doctor, struct visit *visit, bool renews);
/* Every script of the configuration, and secrets that are files. */
void doctor_scripts(struct doctor *doctor, const struct config *config,
                    const char *lua_path);

#endif
