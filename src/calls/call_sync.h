#ifndef CALL_SYNC_H
#define CALL_SYNC_H

/* What client.sync keeps for a raw client between two calls. */
struct client_sync;

/* No client.sync of that client may be under way. */
void client_sync_free(struct client_sync *sync);

#endif
