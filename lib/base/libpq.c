/*
 * libpq, loaded when its first function is called. It brings twenty libraries with it (Kerberos,
 * LDAP, GnuTLS), which cost a start more than all the rest: whoever lists revisions or asks for
 * help does without (docs/decisions/028). Callers include <libpq-fe.h> and know nothing of it; what
 * they come to call is one more row of libpq.inc, whose type the compiler compares.
 */
#include "base/base.h"
#include "base/late.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <stdlib.h>

static struct {
#define ROW(result, function, parameters, arguments) __typeof__(&function) function;
#include "base/libpq.inc"
#undef ROW
} libpq;

static const struct late_library library = {"libpq.so.5", "PostgreSQL's client library", "libpq5"};

/*
 * GnuTLS comes with libldap and would prepare itself here, which takes a tenth of the loading.
 * libldap has it do so (gnutls_global_init) before it uses it, which is for ldaps:// alone.
 */
static void *open_library(void)
{
	static const char unprepared[] = "GNUTLS_NO_IMPLICIT_INIT";
	setenv(unprepared, "1", true);
	void *opened = late_open(&library);
	unsetenv(unprepared);
	return opened;
}

static void load_all(void)
{
	void *opened = open_library();
#define ROW(result, function, parameters, arguments) \
	libpq.function = late_find(&library, opened, #function);
#include "base/libpq.inc"
#undef ROW
}

static void load(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, load_all);
}

/* hidden: libpq's own calls of its functions are not for here */
#define ROW(result, function, parameters, arguments) \
	__attribute__((visibility("hidden"))) result function parameters \
	{ \
		load(); \
		return libpq.function arguments; \
	}
#include "base/libpq.inc"
