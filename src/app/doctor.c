#include "doctor.h"

#include <stdarg.h>
#include <stdio.h>

#include "limits.h"

static const char *const levels[] = {
    [DOCTOR_OK] = "ok", [DOCTOR_WARN] = "warn", [DOCTOR_FAIL] = "fail"
};

static void print_json(const struct doctor *doctor, enum doctor_level level,
                       const char *name, const char *fix, const char *text)
{
    struct json_writer w;
    struct buf out;

    buf_init(&out, LIMIT_CONTROL_LINE);
    json_writer_init(&w, &out);
    json_object_begin(&w);
    json_member_str(&w, "check", name);
    json_member_str(&w, "account", doctor->account);
    json_member_str(&w, "level", levels[level]);
    json_member_text(&w, "text", slice_str(text));
    if (fix)
        json_member_text(&w, "fix", slice_str(fix));
    json_object_end(&w);
    printf("%s%s", doctor->told ? "," : "", buf_str(&out));
    buf_free(&out);
}

void doctor_tell(struct doctor *doctor, enum doctor_level level,
                 const char *name, const char *fix, const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (doctor->json) {
        print_json(doctor, level, name, fix, text);
    } else {
        printf("%-4s  %-10s %s%s%s\n", levels[level], name,
               doctor->account ? doctor->account : "",
               doctor->account ? ": " : "", text);
        if (fix)
            printf("                 %s\n", fix);
        fflush(stdout);
    }
    doctor->told++;
    doctor->warned += level == DOCTOR_WARN;
    doctor->failed += level == DOCTOR_FAIL;
}
