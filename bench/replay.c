/* replay: a homeserver that only plays a part, for benchmarks, faster than
 * what it measures. One user, one device; it listens on a free port of
 * 127.0.0.1, prints "port N", "tenth" when the bot has sent a tenth of --puts
 * messages, and when it has sent them all one line of figures: "result FIRST
 * LAST P50 P99", the first two in seconds of the monotonic clock (first event
 * handed out, last message received), the others in microseconds from an event
 * to the message it caused.
 *
 *   --initial-mb N   size of the answer to the first sync
 *   --batches N --batch-size N --rooms N
 *                    events handed out after it, one batch per sync
 *   --chain          one event at a time, the next after each message
 *   --puts N         how many messages end the measurement
 *
 * The body of an event is "event I", of the last one "end". */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS 128
#define REQUEST_MAX ((size_t)256 * 1024)
#define HEAD_MAX 256
#define POLL_MS 30000
#define USER "@bench:localhost"

struct text {
    char *data;
    size_t len, cap;
};

struct connection {
    int fd;
    char in[REQUEST_MAX];
    size_t in_len;
    struct text out;
    size_t sent;
    bool parked;      /* in a long poll */
    long since;       /* of that poll */
    double parked_at; /* when it began */
};

static struct {
    long initial_mb, batches, batch_size, rooms, puts;
    bool chain;
} options = { 0, 0, 1, 1, 1, false };

static struct connection connections[CONNECTIONS];
static int connection_count;
static double first_at, event_at, *latencies;
static long put_count;
static struct text initial; /* the answer to the first sync */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void add(struct text *text, const char *data, size_t len)
{
    if (text->len + len > text->cap) {
        text->cap = (text->len + len) * 2;
        text->data = realloc(text->data, text->cap);
        if (!text->data)
            fail("memory");
    }
    memcpy(text->data + text->len, data, len);
    text->len += len;
}

static void adds(struct text *text, const char *string)
{
    add(text, string, strlen(string));
}

/* --- what is answered --- */

static void respond(struct connection *c, const char *body, size_t len)
{
    char head[HEAD_MAX];
    int n = snprintf(head, sizeof head,
                     "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                     "Content-Length: %zu\r\n\r\n",
                     len);
    add(&c->out, head, (size_t)n);
    add(&c->out, body, len);
}

/* history: too old to be answered. */
static void add_event(struct text *body, long number, bool last, bool history)
{
    static const long long past = 1600000000000;
    char event[512], text[32];
    long long stamp = history ? past : (long long)time(NULL) * 1000;

    snprintf(text, sizeof text, last ? "end" : "event %ld", number);
    snprintf(event, sizeof event,
             "{\"type\":\"m.room.message\",\"event_id\":\"$event%ld\","
             "\"sender\":\"@ann:localhost\",\"origin_server_ts\":%lld,"
             "\"content\":{\"msgtype\":\"m.text\",\"body\":\"%s\"},"
             "\"unsigned\":{\"age\":10}}",
             number, stamp, text);
    adds(body, event);
}

static const char room_state[] =
    "\"state\":{\"events\":["
    "{\"type\":\"m.room.create\",\"state_key\":\"\",\"event_id\":\"$create\","
    "\"sender\":\"@ann:localhost\",\"origin_server_ts\":1,"
    "\"content\":{\"room_version\":\"11\"}},"
    "{\"type\":\"m.room.member\",\"state_key\":\"" USER "\","
    "\"event_id\":\"$member\",\"sender\":\"" USER "\","
    "\"origin_server_ts\":1,\"content\":{\"membership\":\"join\"}}]}";

/* The rooms that batches speak in, and above those, rooms full of history
 * until the text has its size. */
static struct text initial_sync(void)
{
    struct text body = { NULL, 0, 0 };
    size_t wanted = (size_t)options.initial_mb * 1000 * 1000;
    char head[HEAD_MAX];
    long number = 1000000;

    adds(&body, "{\"next_batch\":\"s0\",\"rooms\":{\"join\":{");
    for (long room = 0; room < options.rooms || body.len < wanted; room++) {
        snprintf(head, sizeof head, "%s\"!r%ld:localhost\":{", room ? "," : "",
                 room);
        adds(&body, head);
        adds(&body, room_state);
        adds(&body, ",\"timeline\":{\"limited\":false,\"events\":[");
        for (int i = 0; i < 50 && body.len < wanted; i++) {
            if (i)
                adds(&body, ",");
            add_event(&body, number++, false, true);
        }
        adds(&body, "]}}");
    }
    adds(&body, "}}}");
    return body;
}

/* Batch `since`, whose events are spread over the rooms. */
static void answer_batch(struct connection *c, long since)
{
    struct text body = { NULL, 0, 0 };
    long size = options.chain ? 1 : options.batch_size;
    long total = options.chain ? options.puts : options.batches * size;
    char head[HEAD_MAX];

    event_at = now();
    if (since == 0)
        first_at = event_at;
    snprintf(head, sizeof head,
             "{\"next_batch\":\"s%ld\",\"rooms\":{\"join\":{", since + 1);
    adds(&body, head);
    for (long room = 0; room < options.rooms && room < size; room++) {
        snprintf(head, sizeof head,
                 "%s\"!r%ld:localhost\":{\"timeline\":{\"events\":[",
                 room ? "," : "", room);
        adds(&body, head);
        for (long i = room; i < size; i += options.rooms) {
            long number = since * size + i;
            if (i != room)
                adds(&body, ",");
            add_event(&body, number, number == total - 1, false);
        }
        adds(&body, "]}}");
    }
    adds(&body, "}}}");
    respond(c, body.data, body.len);
    free(body.data);
}

static bool batch_ready(long since)
{
    if (options.chain)
        return since < options.puts && since <= put_count;
    return since < options.batches;
}

static void answer_sync(struct connection *c, const char *target)
{
    const char *since = strstr(target, "since=s");

    if (!since) {
        respond(c, initial.data, initial.len);
        return;
    }
    c->since = strtol(since + strlen("since=s"), NULL, 10);
    c->parked = !batch_ready(c->since);
    c->parked_at = now();
    if (!c->parked)
        answer_batch(c, c->since);
}

/* --- the measurement --- */

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_result(void)
{
    double last = now();

    qsort(latencies, (size_t)put_count, sizeof *latencies, compare);
    printf("result %.6f %.6f %.0f %.0f\n", first_at, last,
           latencies[put_count / 2] * 1e6,
           latencies[put_count * 99 / 100] * 1e6);
    fflush(stdout);
}

static void wake(void)
{
    for (int i = 0; i < connection_count; i++) {
        struct connection *c = &connections[i];
        if (!c->parked)
            continue;
        if (batch_ready(c->since)) {
            c->parked = false;
            answer_batch(c, c->since);
        } else if (now() - c->parked_at > POLL_MS / 1000.0) {
            char body[HEAD_MAX];
            int n = snprintf(body, sizeof body, "{\"next_batch\":\"s%ld\"}",
                             c->since);
            c->parked = false;
            respond(c, body, (size_t)n);
        }
    }
}

static void answer_put(struct connection *c)
{
    char body[HEAD_MAX];
    int n =
        snprintf(body, sizeof body, "{\"event_id\":\"$sent%ld\"}", put_count);

    respond(c, body, (size_t)n);
    if (put_count >= options.puts)
        return;
    latencies[put_count++] = now() - event_at;
    if (put_count == (options.puts + 9) / 10) {
        puts("tenth");
        fflush(stdout);
    }
    if (put_count == options.puts)
        print_result();
}

static void answer(struct connection *c, const char *method, const char *target)
{
    static const char whoami[] =
        "{\"user_id\":\"" USER "\",\"device_id\":\"BENCH\"}";
    static const char login[] = "{\"user_id\":\"" USER "\","
                                "\"device_id\":\"BENCH\","
                                "\"access_token\":\"bench-token\"}";
    static const char versions[] = "{\"versions\":[\"v1.1\",\"v1.11\"]}";
    static const char filter[] = "{\"filter_id\":\"1\"}";

    if (strstr(target, "/v3/sync"))
        answer_sync(c, target);
    else if (strcmp(method, "PUT") == 0 && strstr(target, "/send/"))
        answer_put(c);
    else if (strstr(target, "/versions"))
        respond(c, versions, sizeof versions - 1);
    else if (strstr(target, "/whoami"))
        respond(c, whoami, sizeof whoami - 1);
    else if (strstr(target, "/v3/login"))
        respond(c, login, sizeof login - 1);
    else if (strstr(target, "/filter"))
        respond(c, filter, sizeof filter - 1);
    else
        respond(c, "{}", 2);
}

/* --- connections --- */

/* Takes one request off the input. false: it is not all there. */
static bool take_request(struct connection *c)
{
    char method[16], target[4096];
    size_t body = 0;

    c->in[c->in_len] = '\0';
    char *end = strstr(c->in, "\r\n\r\n");
    if (!end || c->parked)
        return false;
    size_t head = (size_t)(end + 4 - c->in);
    char *length = strcasestr(c->in, "\r\ncontent-length:");
    if (length && length < end)
        body = strtoul(length + strlen("\r\ncontent-length:"), NULL, 10);
    if (c->in_len < head + body)
        return false;
    if (sscanf(c->in, "%15s %4095s", method, target) == 2)
        answer(c, method, target);
    c->in_len -= head + body;
    memmove(c->in, c->in + head + body, c->in_len);
    return true;
}

static bool flush_output(struct connection *c)
{
    while (c->sent < c->out.len) {
        ssize_t n = send(c->fd, c->out.data + c->sent, c->out.len - c->sent,
                         MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0)
            return errno == EAGAIN;
        c->sent += (size_t)n;
    }
    c->out.len = c->sent = 0;
    return true;
}

static bool read_input(struct connection *c)
{
    ssize_t n = recv(c->fd, c->in + c->in_len, REQUEST_MAX - 1 - c->in_len,
                     MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN;
    c->in_len += (size_t)n;
    while (take_request(c))
        ;
    return n > 0;
}

static void drop(int i)
{
    close(connections[i].fd);
    free(connections[i].out.data);
    connections[i] = connections[--connection_count];
}

static void take_connection(int listener)
{
    int fd = accept(listener, NULL, NULL), on = 1;

    if (fd < 0 || connection_count == CONNECTIONS)
        fail("accept");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    memset(&connections[connection_count], 0, sizeof connections[0]);
    connections[connection_count++].fd = fd;
}

static int listen_somewhere(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) != 0 ||
        listen(fd, CONNECTIONS) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) != 0)
        fail("listen");
    printf("port %d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static void serve(int listener)
{
    struct pollfd polls[CONNECTIONS + 1];

    for (;;) {
        polls[0] = (struct pollfd) { listener, POLLIN, 0 };
        for (int i = 0; i < connection_count; i++) {
            short out = connections[i].out.len ? POLLOUT : 0;
            polls[i + 1] =
                (struct pollfd) { connections[i].fd, POLLIN | out, 0 };
        }
        int polled = connection_count;
        if (poll(polls, (nfds_t)polled + 1, 1000) < 0)
            fail("poll");
        for (int i = polled - 1; i >= 0; i--) {
            bool alive = !(polls[i + 1].revents & (POLLIN | POLLHUP)) ||
                         read_input(&connections[i]);
            if (!alive)
                drop(i);
        }
        wake();
        for (int i = connection_count - 1; i >= 0; i--) {
            if (!flush_output(&connections[i]))
                drop(i);
        }
        if (polls[0].revents)
            take_connection(listener);
    }
}

int main(int argc, char **argv)
{
    static const char *const names[] = { "--initial-mb", "--batches",
                                         "--batch-size", "--rooms", "--puts" };
    long *const values[] = { &options.initial_mb, &options.batches,
                             &options.batch_size, &options.rooms,
                             &options.puts };

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--chain") == 0)
            options.chain = true;
        for (int k = 0; k < 5; k++) {
            if (strcmp(argv[i], names[k]) == 0 && i + 1 < argc)
                *values[k] = strtol(argv[++i], NULL, 10);
        }
    }
    initial = initial_sync();
    latencies = calloc((size_t)options.puts, sizeof *latencies);
    if (!latencies)
        fail("memory");
    serve(listen_somewhere());
}
