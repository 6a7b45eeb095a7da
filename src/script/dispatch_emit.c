#include "dispatch_row.h"
#include "emission.h"
#include "limits.h"

/* Emissions: rows that are in no inbox. They wait in one line, all that a
 * script gets, and are neither claimed nor marked. */

size_t *dispatch_row_bytes(const struct row *row)
{
    struct dispatch *d = row->dispatch;
    return row->id ? &d->bytes : &d->emitted;
}

int dispatch_has_room(const struct dispatch *d, struct err *err)
{
    if (d->emissions < LIMIT_EMISSIONS && d->emitted < LIMIT_QUEUE_BYTES) {
        return 0;
    }
    return err_set(err, ERR_LIMIT,
                   "%s has not handled %d emitted events yet, no more can wait",
                   d->script, d->emissions);
}

int dispatch_emit(struct dispatch *d, struct slice json, struct err *err)
{
    struct store_delivery_row row = {
        .event = { .section = slice_str(EMISSION_SECTION), .json = json }
    };
    if (dispatch_has_room(d, err) != 0) {
        return -1;
    }
    return dispatch_row_add(d, &row)
               ? 0
               : err_set(err, ERR_SYSTEM, "cannot emit: out of memory");
}
