#include "base/late.h"

#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>

static void *must(const struct late_library *library, void *found)
{
	if (found)
		return found;
	fprintf(stderr, "%s cannot be loaded: %s\n", library->what, dlerror());
	fprintf(stderr, "hint: install it (Debian: apt-get install %s)\n", library->package);
	_exit(1);
}

void *late_open(const struct late_library *library)
{
	return must(library, dlopen(library->file, RTLD_LAZY | RTLD_LOCAL));
}

void *late_find(const struct late_library *library, void *opened, const char *function)
{
	return must(library, dlsym(opened, function));
}
