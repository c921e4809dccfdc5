#include "conf/file.h"

const struct conf_field pin_fields[4] = {
	{"system", CONF_TEXT, offsetof(struct conf_pin, system), true},
	{"dbname", CONF_TEXT, offsetof(struct conf_pin, dbname), true},
	{"host", CONF_TEXT, offsetof(struct conf_pin, host)},
	{"port", CONF_TEXT, offsetof(struct conf_pin, port)},
};

/* A physical copy keeps the system identifier: only host and port tell it from its origin. */
static bool same_database(const struct conf_pin *a, const struct conf_pin *b)
{
	if (strcmp(a->system, b->system) || strcmp(a->dbname, b->dbname))
		return false;
	bool told_apart = a->host && a->port && b->host && b->port;
	return !told_apart || (!strcmp(a->host, b->host) && !strcmp(a->port, b->port));
}

static bool check_unique(
	const struct conf_pins *pins, const struct conf_node *node, struct err *err)
{
	const struct conf_pin *new = &pins->items[pins->count - 1];
	for (size_t i = 0; i + 1 < pins->count; i++) {
		const struct conf_pin *old = &pins->items[i];
		if (!same_database(old, new))
			continue;
		conf_error(node, err,
			"environment %s has the same pin as %s (%s): which policy would hold?",
			new->env, old->env, old->where);
		return err_hint(
			err, "if both are real (a physical copy), give host and port in both");
	}
	return true;
}

bool conf_pins_read(const struct conf_node *environments, struct conf_pins *pins, struct err *err)
{
	CONF_EACH (environments, env) {
		const struct conf_node *node = conf_get(env, "pin");
		if (!node)
			continue;
		xgrow(pins->items, pins->count, pins->alloc);
		struct conf_pin *pin = &pins->items[pins->count++];
		*pin = (struct conf_pin){.env = xstrdup(env->key), .where = conf_where(node)};
		if (!conf_read(node, pin_fields, ARRAY_SIZE(pin_fields), pin, err) ||
			!check_unique(pins, node, err))
			return false;
	}
	return true;
}

void conf_pins_release(struct conf_pins *pins)
{
	for (size_t i = 0; i < pins->count; i++) {
		conf_release(pin_fields, ARRAY_SIZE(pin_fields), &pins->items[i]);
		free(pins->items[i].env);
		free(pins->items[i].where);
	}
	free(pins->items);
	*pins = (struct conf_pins){0};
}
