#include "backup/shipped.h"

#include "pack/manifest.h"

/* The assembler takes the files in: paths are relative to the folder that make runs in. */
#define SHIP(name, path) \
	extern const char name[], name##_end[]; \
	__asm__(".pushsection .rodata\n" #name ":\n.incbin \"" path "\"\n" #name \
		"_end:\n.byte 0\n" \
		".popsection")

SHIP(shipped_readme, "etc/RESTORE.md");
SHIP(shipped_script, "etc/restore.sh");

const struct shipped_file shipped_files[2] = {
	{PACK_README, shipped_readme, shipped_readme_end},
	{PACK_SCRIPT, shipped_script, shipped_script_end},
};
