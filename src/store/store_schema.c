#include "store_internal.h"

/* A step that was released is never edited: a new one follows it. What may be
 * large comes last in its row, so that the rest is read without it. */

#define COUNT(array) ((int)(sizeof(array) / sizeof(*(array))))

static const char *const account_steps[] = {
    /* 1 */
    "CREATE TABLE meta("
    "  key TEXT PRIMARY KEY,"
    "  value TEXT NOT NULL"
    ") STRICT, WITHOUT ROWID;"

    "CREATE TABLE room("
    "  room_id TEXT PRIMARY KEY,"
    "  membership TEXT NOT NULL DEFAULT '',"
    "  encrypted INTEGER NOT NULL DEFAULT 0," /* never goes back to 0 */
    "  members_complete INTEGER NOT NULL DEFAULT 0,"
    "  direct INTEGER NOT NULL DEFAULT 0," /* 1: in m.direct, 2: invited so */
    "  joined_ts INTEGER NOT NULL DEFAULT 0,"
    "  heroes TEXT,"
    "  joined_count INTEGER NOT NULL DEFAULT -1,"
    "  invited_count INTEGER NOT NULL DEFAULT -1"
    ") STRICT, WITHOUT ROWID;"

    "CREATE TABLE state("
    "  room_id TEXT NOT NULL,"
    "  type TEXT NOT NULL,"
    "  state_key TEXT NOT NULL,"
    "  sender TEXT,"
    "  event_id TEXT,"
    "  ts INTEGER NOT NULL,"
    "  content TEXT NOT NULL,"
    "  PRIMARY KEY(room_id, type, state_key)"
    ") STRICT, WITHOUT ROWID;"

    "CREATE TABLE inbox("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  batch INTEGER NOT NULL,"
    "  idx INTEGER NOT NULL,"
    "  room_id TEXT NOT NULL,"
    "  event_id TEXT,"
    "  section TEXT NOT NULL,"
    "  type TEXT NOT NULL,"
    "  history INTEGER NOT NULL,"
    "  added INTEGER NOT NULL,"
    "  json TEXT NOT NULL"
    ") STRICT;"
    "CREATE UNIQUE INDEX inbox_event ON inbox(room_id, event_id)"
    "  WHERE event_id IS NOT NULL;"
    "CREATE INDEX inbox_added ON inbox(added);"

    /* state: enum store_delivery. batch and idx are the event's, so that one
     * index answers "what comes next for this script". Ids are never used
     * twice: outbox.cause names them. */
    "CREATE TABLE delivery("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  event INTEGER NOT NULL REFERENCES inbox(id) ON DELETE CASCADE,"
    "  script TEXT NOT NULL,"
    "  batch INTEGER NOT NULL,"
    "  idx INTEGER NOT NULL,"
    "  state INTEGER NOT NULL DEFAULT 0,"
    "  attempt INTEGER NOT NULL DEFAULT 0,"
    "  redelivered INTEGER NOT NULL DEFAULT 0,"
    "  error TEXT,"
    "  changed INTEGER NOT NULL,"
    "  UNIQUE(event, script)"
    ") STRICT;"
    "CREATE INDEX delivery_open ON delivery(script, batch, idx, state)"
    "  WHERE state < 2;"
    "CREATE INDEX delivery_dead ON delivery(changed) WHERE state = 5;"

    /* state: enum store_send. */
    "CREATE TABLE outbox("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  state INTEGER NOT NULL DEFAULT 0,"
    "  txn_id TEXT NOT NULL UNIQUE,"
    "  script TEXT NOT NULL,"
    "  room_id TEXT NOT NULL,"
    "  type TEXT NOT NULL,"
    "  redacts TEXT,"
    "  event_id TEXT,"
    "  error TEXT,"
    "  first_try INTEGER NOT NULL DEFAULT 0,"
    "  last_try INTEGER NOT NULL DEFAULT 0,"
    "  cause INTEGER NOT NULL DEFAULT 0,"
    "  changed INTEGER NOT NULL,"
    "  content TEXT NOT NULL"
    ") STRICT;"
    "CREATE INDEX outbox_waiting ON outbox(state) WHERE state = 0;"
    "CREATE INDEX outbox_settled ON outbox(changed) WHERE state > 0;",
};

static const char *const scripts_steps[] = {
    /* 1: usage is what a script's keys and values take, kept by triggers. */
    "CREATE TABLE kv("
    "  id INTEGER PRIMARY KEY,"
    "  script TEXT NOT NULL,"
    "  key TEXT NOT NULL,"
    "  expires INTEGER NOT NULL,"
    "  bytes INTEGER NOT NULL,"
    "  value TEXT NOT NULL,"
    "  UNIQUE(script, key)"
    ") STRICT;"
    "CREATE INDEX kv_expires ON kv(script, expires) WHERE expires > 0;"

    "CREATE TABLE usage("
    "  script TEXT PRIMARY KEY,"
    "  bytes INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TRIGGER kv_insert AFTER INSERT ON kv BEGIN"
    "  INSERT INTO usage VALUES(new.script, new.bytes)"
    "    ON CONFLICT(script) DO UPDATE SET bytes = bytes + new.bytes;"
    "END;"
    "CREATE TRIGGER kv_update AFTER UPDATE ON kv BEGIN"
    "  UPDATE usage SET bytes = bytes + new.bytes - old.bytes"
    "    WHERE script = new.script;"
    "END;"
    "CREATE TRIGGER kv_delete AFTER DELETE ON kv BEGIN"
    "  UPDATE usage SET bytes = bytes - old.bytes WHERE script = old.script;"
    "END;",

    /* 2: state: enum store_job_state. Ids are never used twice: transaction
     * ids are made from them. What waiting jobs take counts as usage too. */
    "CREATE TABLE job("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  script TEXT NOT NULL,"
    "  name TEXT NOT NULL,"
    "  key TEXT,"
    "  origin TEXT,"
    "  due INTEGER NOT NULL,"
    "  created INTEGER NOT NULL,"
    "  state INTEGER NOT NULL DEFAULT 0,"
    "  attempt INTEGER NOT NULL DEFAULT 0,"
    "  crashes INTEGER NOT NULL DEFAULT 0,"
    "  changed INTEGER NOT NULL,"
    "  error TEXT,"
    "  bytes INTEGER NOT NULL,"
    "  data TEXT NOT NULL"
    ") STRICT;"
    "CREATE INDEX job_named ON job(script, name, due, id) WHERE state = 0;"
    "CREATE INDEX job_due ON job(script, due) WHERE state = 0;"
    "CREATE INDEX job_started ON job(script) WHERE state = 1;"
    "CREATE INDEX job_ended ON job(script, changed) WHERE state > 1;"
    "CREATE UNIQUE INDEX job_key ON job(script, name, key)"
    "  WHERE key IS NOT NULL;"
    "CREATE UNIQUE INDEX job_origin ON job(script, origin)"
    "  WHERE origin IS NOT NULL;"
    "CREATE TRIGGER job_insert AFTER INSERT ON job BEGIN"
    "  INSERT INTO usage VALUES(new.script, new.bytes)"
    "    ON CONFLICT(script) DO UPDATE SET bytes = bytes + new.bytes;"
    "END;"
    "CREATE TRIGGER job_update AFTER UPDATE OF bytes ON job BEGIN"
    "  UPDATE usage SET bytes = bytes + new.bytes - old.bytes"
    "    WHERE script = new.script;"
    "END;"
    "CREATE TRIGGER job_delete AFTER DELETE ON job BEGIN"
    "  UPDATE usage SET bytes = bytes - old.bytes WHERE script = old.script;"
    "END;",
};

const struct store_schema store_schema_account = {
    account_steps,
    COUNT(account_steps),
};
const struct store_schema store_schema_scripts = {
    scripts_steps,
    COUNT(scripts_steps),
};
