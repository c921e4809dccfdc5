/*
 * measure FILE COMMAND..: runs it with its output thrown away and appends one line to FILE: wall
 * clock and processor time in microseconds, peak of its memory in KiB. Small, because what a child
 * inherits at its start counts as its own memory.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static long long time_us(struct timeval time)
{
	return time.tv_sec * 1000000LL + time.tv_usec;
}

static void become(char **argv)
{
	int null = open("/dev/null", O_RDWR);
	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
	execvp(argv[0], argv);
	_exit(127);
}

int main(int argc, char **argv)
{
	int status;
	struct rusage used;
	FILE *out = argc > 2 ? fopen(argv[1], "a") : NULL;
	if (!out)
		return 2;
	long long began = now_us();
	pid_t child = fork();
	if (child == 0)
		become(argv + 2);
	if (child < 0 || wait4(child, &status, 0, &used) != child)
		return 1;
	fprintf(out, "%lld %lld %ld\n", now_us() - began,
		time_us(used.ru_utime) + time_us(used.ru_stime), used.ru_maxrss);
	fclose(out);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
