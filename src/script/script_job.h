#ifndef SCRIPT_JOB_H
#define SCRIPT_JOB_H

#include "generation.h"
#include "job.h"

/* Durable jobs as a generation runs them: each is a task of the registration
 * with its name. They hold no turn, and end on the code they began on. */

/* The name of the generation's index-th job registration, or NULL. */
const char *script_job_name(const struct generation *generation, int index);
/* It is claimed: starts its task, or ends it in world->jobs. */
void script_job_start(struct generation *generation,
                      const struct store_job *job);
/* Its tasks are gone: what they did not finish comes again. */
void script_job_free_all(struct generation *generation);

#endif
