/*
 * A provider of security labels, "test", which takes every label: PostgreSQL's own
 * dummy_seclabel is in no package. What it needs of the server is declared here, so that no headers
 * of the server have to be installed; for the major that PG_MAJOR names, 15 or newer.
 *
 *	cc -shared -fPIC -DPG_MAJOR=15 -o label.so label.c
 */

#ifndef PG_MAJOR
#define PG_MAJOR 15
#endif

struct magic {
	int length, version, function_arguments, index_keys, name_length, float8_by_value;
	char fork[32];
};

static const struct magic magic = {sizeof(magic), PG_MAJOR * 100, 100, 32, 64, 1, "PostgreSQL"};

typedef void (*label_hook)(const void *object, const char *label);
extern void register_label_provider(const char *name, label_hook hook);

const struct magic *Pg_magic_func(void);
void _PG_init(void);

const struct magic *Pg_magic_func(void)
{
	return &magic;
}

static void look(const void *object, const char *label)
{
	(void)object;
	(void)label;
}

void _PG_init(void)
{
	register_label_provider("test", look);
}
