/*
 * `mig doctor --pin`: ties an environment to the database that its connection reaches.
 */
#ifndef FRONT_PIN_H
#define FRONT_PIN_H

#include "conf/config.h"
#include "db/db.h"

enum pin_change { PIN_SAME, PIN_NEW, PIN_MOVED };

struct pin_settings {
	const struct conf_env *env;
	const struct db *db; /* the database reached */
	const char *reason; /* why a pin is changed; NULL: none given */
	bool dry_run;
};

struct pin_result {
	enum pin_change change;
	struct conf_pin pin; /* what stands in the file now */
};

/*
 * Writes system identifier and name into mig.yaml, in place. A changed pin needs a reason, which is
 * kept in <state_dir>/pins.jsonl; a pin of another environment is ERR_REFUSED (safety 22).
 */
MUST_CHECK bool pin_write(
	const struct pin_settings *settings, struct pin_result *result, struct err *err);
void pin_result_release(struct pin_result *result);

#endif
