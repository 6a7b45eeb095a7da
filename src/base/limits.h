#ifndef LIMITS_H
#define LIMITS_H

/* Every maximum of the program, by name. Sizes in bytes, times in ms unless
 * the name says otherwise. A user may change those that have a key in
 * lunatrix.lua; docs/limits.md lists them. */

#define KIB(n) ((size_t)(n)*1024)
#define MIB(n) ((size_t)(n)*1024 * 1024)

/* Text and JSON */
#define LIMIT_JSON_DEPTH 100
#define LIMIT_JSON_BODY MIB(8)   /* a body that is decoded whole */
#define LIMIT_JSON_KEY KIB(4)    /* a key the scanner must decode */
#define LIMIT_JSON_NUMBER KIB(1) /* digits and all of one number */
#define LIMIT_EVENT_SEND KIB(64) /* an event to send (spec: 64 KiB) */
#define LIMIT_MARKDOWN KIB(64)   /* read at once: as much as can be sent */
#define LIMIT_IDENTIFIER 255     /* ids, types, state keys (spec) */

/* HTTP */
#define LIMIT_HTTP_BODY MIB(8) /* limits.http_body: default cap */
#define LIMIT_HTTP_HEADERS KIB(64)
#define LIMIT_HTTP_URL KIB(64)
#define LIMIT_HTTP_CONNECT_MS 15000
#define LIMIT_HTTP_TOTAL_MS 60000 /* a call's default timeout */
#define LIMIT_HTTP_STALL_MS 30000 /* no byte for that long */
#define LIMIT_HTTP_REDIRECTS 5
#define LIMIT_HTTP_CONNECTIONS 64   /* open at once */
#define LIMIT_RETRY_AFTER_MS 600000 /* no server may ask for more */
#define LIMIT_RETRY_FIRST_MS 1000   /* back-off: doubles from here ... */
#define LIMIT_RETRY_LAST_MS 60000   /* ... to here */

/* Sync */
#define LIMIT_SYNC_BODY MIB(4096)      /* one response, decompressed */
#define LIMIT_SYNC_EVENT MIB(1)        /* one event cut out of it */
#define LIMIT_SYNC_STAGE_MEMORY MIB(1) /* then a temporary file */
#define LIMIT_SYNC_ROOMS 1000000
#define LIMIT_SYNC_TIMEOUT_MS 30000              /* asked of the server */
#define LIMIT_SYNC_MARGIN_MS 30000               /* on top, before we give up */
#define LIMIT_INGEST_BATCH 1000                  /* records in one go ... */
#define LIMIT_INGEST_SLICE_MS 10                 /* ... beyond that, per tick */
#define LIMIT_FIRST_MINUTE_REQUESTS 12           /* of /sync while it fails */
#define LIMIT_SYNC_TOTAL_MS (24 * 3600 * 1000LL) /* one response, at most */
#define LIMIT_SYNC_TIMELINE 100                  /* events per room asked for */
#define LIMIT_SYNC_PAUSE_MS 1000   /* after a reply that brought nothing */
#define LIMIT_SYNC_LOCKED_MS 60000 /* between looks at a locked account */
#define LIMIT_SYNC_FILTER KIB(64)
#define LIMIT_JOIN_TRIES 10                   /* of one invite, by autojoin */
#define LIMIT_JOIN_LAST_MS (10 * 60 * 1000LL) /* between two of them */

/* Delivery */
#define LIMIT_ATTEMPTS 3        /* then a dead letter */
#define LIMIT_QUEUE 1000        /* limits.queue: rows in memory */
#define LIMIT_UNFINISHED 100000 /* rows on disk, then sync waits */
#define LIMIT_HANDLERS 64       /* limits.handlers: at once */
#define LIMIT_KEEP_DONE_MS (24 * 3600 * 1000LL)
#define LIMIT_RESEND_AGE_MS (12 * 3600 * 1000LL)
#define LIMIT_CATCH_UP_MS (5 * 60 * 1000LL)
#define LIMIT_OUTBOX 100000            /* unsettled sends per account */
#define LIMIT_OUTBOX_WIRE 32           /* of them under way at once */
#define LIMIT_OUTBOX_ODD 8             /* senseless answers to one send */
#define LIMIT_PRUNE_MS (3600 * 1000LL) /* between deletions of old rows */

/* Scripts */
#define LIMIT_SCRIPT_MEMORY MIB(64)   /* limits.memory */
#define LIMIT_SCRIPT_RESERVE KIB(256) /* so that a report has memory */
#define LIMIT_SCRIPT_FILE MIB(8)
#define LIMIT_BURST_MS 200       /* limits.burst: CPU between waits */
#define LIMIT_BURST_LOAD_MS 2000 /* CPU of the main chunk */
#define LIMIT_BURST_CLOSE_MS 50  /* <close> and pcall clean-up */
#define LIMIT_HOOK_INSTRUCTIONS 1000
#define LIMIT_HANDLER_MS (5 * 60 * 1000LL) /* limits.handler */
#define LIMIT_HOOK_LOAD_MS 10000           /* on("load") */
#define LIMIT_HOOK_UNLOAD_MS 2000          /* on("unload") */
#define LIMIT_DRAIN_MS 30000               /* limits.drain: old generation */
#define LIMIT_DRAIN_WATCH_MS 2000          /* same, with --watch */
#define LIMIT_STOP_MS 10000                /* whole process, on TERM */
#define LIMIT_STORE MIB(64)                /* limits.store: per script */
#define LIMIT_STORE_VALUE MIB(1)
#define LIMIT_MEMORY_TREE MIB(16) /* bot.memory, per script */
#define LIMIT_LOG_LINES 100       /* limits.log: per second, script */
#define LIMIT_LOG_LINE KIB(8)
#define LIMIT_LOG_RING KIB(256)   /* of the last lines, in memory, and ... */
#define LIMIT_LOG_RING_LINES 1000 /* ... as many of them */
#define LIMIT_CALL_ARGS MIB(16)   /* JSON of one host call */
#define LIMIT_REGISTRATIONS 10000
#define LIMIT_TIMERS 10000
#define LIMIT_TASKS 10000
#define LIMIT_LOCKS 10000     /* held and waited for by one script */
#define LIMIT_WAITERS 1000    /* events waited for by one script */
#define LIMIT_ANSWERS 1000    /* events one handler took, kept until it ends */
#define LIMIT_EMITTED KIB(64) /* data of one bot:emit */
#define LIMIT_EMISSIONS 1000  /* that wait for one script */
#define LIMIT_RESOURCE LIMIT_SCRIPT_FILE /* read by bot:resource */
#define LIMIT_RELOAD_RETRIES 3

/* Files */
#define LIMIT_WATCH_QUIET_MS 80
#define LIMIT_WATCH_SOON_MS 2
#define LIMIT_WATCH_MOST_MS 1000
#define LIMIT_WATCH_POLL_MS 1000
#define LIMIT_CONFIG_FILE MIB(1)
#define LIMIT_CONFIG_CPU_MS 50
#define LIMIT_CONFIG_MEMORY MIB(16)
#define LIMIT_CONFIG_PLACES 256 /* keys of one table with a line each */
#define LIMIT_SECRET_FILE KIB(64)
#define LIMIT_SECRET_FDS 64 /* secrets { fd = n } */
#define LIMIT_SECRET_START_MS                                                  \
    60000                    /* a secret's command: somebody may type          \
                              */
#define LIMIT_SECRET_MS 5000 /* the same while bots run and wait */
#define LIMIT_CONTROL_LINE KIB(256)
#define LIMIT_CONTROL_PAUSE_MS 1000 /* without a descriptor to accept with */
#define LIMIT_PATH KIB(4)
#define LIMIT_REPORT MIB(1)      /* of an account, for status and SIGUSR1 */
#define LIMIT_REPORT_ROWS 1000   /* tasks or timers of one generation in it */
#define LIMIT_REPORT_TEXT MIB(8) /* of all accounts */
#define LIMIT_METRICS MIB(8)     /* the same, for Prometheus */
#define LIMIT_REPORT_CELL KIB(1)
#define LIMIT_REPORT_DEAD 5 /* dead letters in it, the newest */
#define LIMIT_RECENT 10     /* failures of one script that it shows */
#define LIMIT_ONCE_MS 50    /* run --once looks this often */
#define LIMIT_WATCH_DIRECTORIES 4096
#define LIMIT_WATCH_DRAIN 16 /* reads of events per callback */

/* Loop */
#define LIMIT_LOOP_TIMERS 1000000 /* scripts are stopped far earlier */

/* Database */
#define LIMIT_ROW MIB(2)         /* one row: an event and its names */
#define LIMIT_STORE_BUSY_MS 1000 /* wait for one that looks at it */
#define LIMIT_WRITES 100000      /* waiting for a commit at once */
#define LIMIT_WAL MIB(16)        /* of a -wal file between peaks */
#define LIMIT_KEEP_DEAD_MS (30 * 24 * 3600 * 1000LL) /* dead letters */
#define LIMIT_COMMIT_TURNS 3   /* of the loop, from a write to it */
#define LIMIT_STORE_KEY KIB(1) /* a key of bot.store */

/* Calls */
#define LIMIT_CALL_RESULT MIB(32)    /* JSON of one result */
#define LIMIT_CALL_ROWS 1000         /* of one page: keys, states, events */
#define LIMIT_HTTP_REDIRECTS_MOST 20 /* http.request: redirects */
#define LIMIT_HTTP_BODY_MOST MIB(64) /* http.request: max_bytes */
#define LIMIT_MEMBERS_BODY MIB(64)   /* the member list of one room */
#define LIMIT_MEMBERS_MS 600000      /* until it is there */
#define LIMIT_CLIENTS 1000           /* raw clients of one program */

/* Matrix */
#define LIMIT_FEATURES KIB(64)   /* flags a server announces */
#define LIMIT_WELL_KNOWN KIB(64) /* .well-known/matrix/client */
#define LIMIT_SESSION_FILE KIB(64)
#define LIMIT_REFRESH_EARLY_MS 60000 /* before a token expires */
#define LIMIT_TOKEN KIB(16)          /* access and refresh tokens */
#define LIMIT_HTTP_SPARE 16          /* idle handles kept for reuse */

/* Script states */
#define LIMIT_TRACE_LEVELS 200 /* frames looked at ... */
#define LIMIT_TRACE_SHOWN 20   /* ... and shown of a traceback */
#define LIMIT_TRACE KIB(8)
#define LIMIT_TRACKED_FILES 10000 /* read or tried by one script */
#define LIMIT_SCRATCH KIB(64)     /* kept between two host calls */

/* Scripts and their events */
#define LIMIT_QUEUE_BYTES MIB(16)   /* events of one script in memory */
#define LIMIT_QUEUE_READ 64         /* rows read from disk in one go */
#define LIMIT_DRAIN_LOOK_MS 20      /* between looks at what still runs */
#define LIMIT_GONE_MS 1000          /* a file that vanished for longer */
#define LIMIT_FAILURE_TEXT KIB(16)  /* a failure as it is shown */
#define LIMIT_FAILURE_PLACES 64     /* whose source was shown already */
#define LIMIT_RELOAD_REPORT KIB(64) /* what one reload of all answers */
#define LIMIT_CLAIM_LAST_MS 60000   /* between tries of a failed claim */

/* Jobs and cron */
#define LIMIT_JOBS 10000                          /* waiting, per script */
#define LIMIT_JOBS_DEAD 1000                      /* kept, with their data */
#define LIMIT_JOB_DATA KIB(64)                    /* JSON of one job's data */
#define LIMIT_JOB_PAGE 16                         /* jobs read in one go */
#define LIMIT_JOB_RETRIES 100                     /* retry.max */
#define LIMIT_JOB_BACKOFF_MS (24 * 3600 * 1000LL) /* doubles up to here */
#define LIMIT_CLOCK_LOOK_MS 60000 /* between looks at a clock that may jump */
#define LIMIT_CLOCK_BACK_MS (3 * 3600 * 1000LL) /* back by more: set anew */
#define LIMIT_CRON_DAYS 15000 /* looked at: 29 February on a Sunday */
#define LIMIT_CRON_SPEC 200   /* bytes */

/* Offline */
#define LIMIT_OFFLINE_JSON MIB(64) /* one body or answer of the homeserver */
#define LIMIT_TEST_LOG MIB(4)      /* lines kept of one test case */
#define LIMIT_TEST_FILES 1000      /* *_test.lua files of one run */
#define LIMIT_TEST_DEPTH 16        /* directories below each other */
#define LIMIT_CHAT_LINE KIB(64)    /* bytes of a line of try */

/* What is typed */
#define LIMIT_HISTORY_LINES 1000    /* remembered of one command */
#define LIMIT_HISTORY_LINE KIB(4)   /* longer ones are not */
#define LIMIT_HISTORY_FILE KIB(256) /* then it is made smaller */
#define LIMIT_REPL_OUTPUT MIB(1)    /* for a repl that does not read; then */
#define LIMIT_REPL_RESULT KIB(512)  /* ... only results, up to that on top */
#define LIMIT_COMPLETIONS KIB(64)   /* of all that one Tab finds */

/* Service manager */
#define LIMIT_STATUS 256     /* bytes of a line of its status */
#define LIMIT_NOTIFY_MS 1000 /* one message, while its queue is full */

/* store */
#define LIMIT_STORE_LINE MIB(8)  /* one key with its value, as it is shown */
#define LIMIT_STORE_SCRIPTS 1000 /* listed, of all accounts */

/* doctor */
#define LIMIT_DOCTOR_MS 15000   /* of one request */
#define LIMIT_DOCTOR_FILES 256  /* fewer descriptors are too few */
#define LIMIT_DOCTOR_CLOCK_S 30 /* off the server's by that much */
#define LIMIT_DOCTOR_DISK_WARN MIB(200)
#define LIMIT_DOCTOR_DISK_FAIL MIB(20)

/* Listening, and web hooks */
#define LIMIT_LISTEN_CONNECTIONS 256    /* open at once ... */
#define LIMIT_LISTEN_PER_ADDRESS 128    /* ... of one peer: a proxy is one */
#define LIMIT_LISTEN_HEADERS KIB(32)    /* line and headers of a request */
#define LIMIT_LISTEN_FIELDS 100         /* headers of one request */
#define LIMIT_LISTEN_BODIES MIB(64)     /* of all requests, in memory */
#define LIMIT_LISTEN_DRAIN MIB(8)       /* read of a body that is refused */
#define LIMIT_LISTEN_READ_MS 20000      /* to send a whole request */
#define LIMIT_LISTEN_WRITE_MS 20000     /* to take the answer */
#define LIMIT_LISTEN_LAST_TURNS 4       /* of the library, when it ends */
#define LIMIT_WEBHOOK_BODY MIB(1)       /* max_bytes, unless it says so ... */
#define LIMIT_WEBHOOK_BODY_MOST MIB(16) /* ... up to this */
#define LIMIT_WEBHOOK_ANSWER MIB(1)     /* body of an answer */
#define LIMIT_WEBHOOK_FIELDS 32         /* headers of an answer */
#define LIMIT_WEBHOOK_MS 30000          /* until the answer */
#define LIMIT_WEBHOOK_WAITING 256       /* requests of one script in line */
#define LIMIT_WEBHOOK_RUNNING 64        /* of one script at once */
#define LIMIT_WEBHOOK_WARN_MS 60000     /* between warnings of refusals */

#endif
