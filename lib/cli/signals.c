#include "cli/internal.h"

#include <signal.h>

static volatile sig_atomic_t first_signal;
static volatile sig_atomic_t signal_count;
static bool keep_counting;

static void note_signal(int number)
{
	if (!first_signal)
		first_signal = number;
	signal_count++;
	if (!keep_counting)
		signal(number, SIG_DFL); /* the second one ends a program that does not listen */
}

void cli_signals_install(bool counted)
{
	keep_counting = counted;
	struct sigaction action = {.sa_handler = note_signal};
	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a limit on the size of files is an error of write() */
}

bool cli_interrupted(void *unused)
{
	(void)unused;
	return first_signal != 0;
}

int cli_signal(void)
{
	return first_signal;
}

int cli_signal_count(void)
{
	return signal_count;
}
