#include <stdlib.h>
#include <string.h>

#include "doctor.h"
#include "features.h"
#include "json_read.h"
#include "limits.h"

/* What can be seen of an account's homeserver. */

struct answer {
    struct visit *visit;
    int64_t date;        /* of its clock, wall ms; 0: it did not say */
    int64_t certificate; /* until when it is good, wall ms; 0 unknown */
};

static void on_answer(void *arg, const struct reply *reply,
                      const struct err *err)
{
    struct answer *answer = arg;

    if (reply) {
        answer->date = request_read_date(http_head_get(reply->head, "date"));
        answer->certificate = reply->head->certificate_until;
    }
    visit_step(answer->visit, err ? SLICE_NONE : reply->body, err);
}

static int ask(struct answer *answer, const char *path, bool anonymous)
{
    struct visit *visit = answer->visit;
    struct request_options options = {
        .method = "GET",
        .path = slice_str(path),
        .anonymous = anonymous,
        .no_retry = true,
        .certificate = true,
        .timeout_ms = LIMIT_DOCTOR_MS,
    };
    struct request *request =
        request_start(session_homeserver(visit->session), &options, on_answer,
                      answer, &visit->err);

    return visit_wait(visit, request ? 0 : -1);
}

/* ---- discovery --------------------------------------------------------- */

/* Where a new login of this user would go. */
static void check_discovery(struct doctor *doctor, struct visit *visit)
{
    const char *user_id = session_user_id(visit->session);
    const char *base = homeserver_base(session_homeserver(visit->session));
    const char *server = strchr(user_id, ':');
    struct session *fresh =
        session_new(visit->loop, visit->transport, NULL, false, &visit->err);
    static const char fix[] = "only new logins need it; they can use "
                              "--homeserver URL";

    if (!fresh || !server ||
        visit_wait(visit, session_discover(fresh, slice_str(server + 1),
                                           visit_step, visit, &visit->err)) !=
            0)
        doctor_tell(doctor, DOCTOR_WARN, "discovery", fix, "%s",
                    server ? visit->err.text : "no user ID is known");
    else if (!slice_is(buf_slice(&visit->reply), base))
        doctor_tell(doctor, DOCTOR_WARN, "discovery",
                    "if the server has moved: lunatrix logout, then login",
                    "%s says %s, the login goes to %s", server + 1,
                    buf_str(&visit->reply), base);
    else
        doctor_tell(doctor, DOCTOR_OK, "discovery", NULL, "%s is at %s",
                    server + 1, base);
    session_free(fresh);
}

/* ---- the server -------------------------------------------------------- */

static bool check_versions(struct doctor *doctor, struct answer *answer)
{
    struct visit *visit = answer->visit;
    struct features features;
    bool good;

    features_init(&features);
    good = ask(answer, "/_matrix/client/versions", true) == 0 &&
           features_read(&features, buf_slice(&visit->reply), &visit->err) == 0;
    if (good)
        doctor_tell(doctor, DOCTOR_OK, "server", NULL,
                    "%s speaks Matrix up to v%d.%d",
                    homeserver_base(session_homeserver(visit->session)),
                    features.major, features.minor);
    else
        doctor_tell(doctor, DOCTOR_FAIL, "server",
                    "is the address right, the network there, the server up?",
                    "%s", visit->err.text);
    features_free(&features);
    return good;
}

static void check_tls(struct doctor *doctor, const struct answer *answer)
{
    const char *base =
        homeserver_base(session_homeserver(answer->visit->session));
    int64_t left = answer->certificate - loop_wall(answer->visit->loop);
    int days = (int)(left / (24 * 3600 * 1000LL));

    if (strncmp(base, "https:", 6) != 0)
        doctor_tell(doctor, DOCTOR_WARN, "tls",
                    "fine on this machine, nowhere else", "%s is not encrypted",
                    base);
    else if (answer->certificate == 0)
        doctor_tell(doctor, DOCTOR_OK, "tls", NULL,
                    "the certificate is verified (this TLS library does not "
                    "say until when it is good)");
    else
        doctor_tell(doctor, days < 7 ? DOCTOR_WARN : DOCTOR_OK, "tls",
                    days < 7 ? "the server's administrator must renew it"
                             : NULL,
                    "the certificate is verified, and good for %d days", days);
}

static void check_clock(struct doctor *doctor, const struct answer *answer)
{
    int64_t off = (loop_wall(answer->visit->loop) - answer->date) / 1000;
    long long seconds = off < 0 ? -off : off;

    if (answer->date == 0)
        doctor_tell(doctor, DOCTOR_OK, "clock", NULL,
                    "not compared: the server does not tell its time");
    else if (seconds >= LIMIT_DOCTOR_CLOCK_S)
        doctor_tell(doctor, DOCTOR_WARN, "clock",
                    "set it, and keep it set by NTP: what is old and what is "
                    "new is told by it",
                    "%lld s %s the server's", seconds,
                    off < 0 ? "behind" : "ahead of");
    else
        doctor_tell(doctor, DOCTOR_OK, "clock", NULL, "as the server's");
}

static void check_token(struct doctor *doctor, struct answer *answer,
                        bool renews)
{
    static const char again[] = "log in again: lunatrix login";
    struct visit *visit = answer->visit;
    const char *device = session_device_id(visit->session);
    struct slice reply, theirs;

    if (ask(answer, "/_matrix/client/v3/account/whoami", false) != 0) {
        bool refused = visit->err.status == 401;
        bool late = refused && renews && visit->err.soft_logout;
        doctor_tell(doctor, late ? DOCTOR_WARN : DOCTOR_FAIL, "token",
                    late      ? "the next run renews it, if it can"
                    : refused ? again
                              : NULL,
                    "%s", visit->err.text);
        return;
    }
    reply = buf_slice(&visit->reply);
    theirs = json_get(reply, "device_id");
    if (!json_equals(json_get(reply, "user_id"),
                     slice_str(session_user_id(visit->session))))
        doctor_tell(doctor, DOCTOR_FAIL, "token", again,
                    "the server knows it as another user's");
    else if (theirs.ptr && !json_equals(theirs, slice_str(device)))
        doctor_tell(doctor, DOCTOR_FAIL, "token", again,
                    "the server knows it as another device's");
    else
        doctor_tell(doctor, DOCTOR_OK, "token", NULL, "%s, device %s",
                    session_user_id(visit->session), device);
}

void doctor_server(struct doctor *doctor, struct visit *visit, bool renews)
{
    struct answer answer = { .visit = visit };

    if (check_versions(doctor, &answer)) {
        check_tls(doctor, &answer);
        check_clock(doctor, &answer);
        check_token(doctor, &answer, renews);
    }
    check_discovery(doctor, visit);
}
