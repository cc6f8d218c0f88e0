/* relay copy|prefix PROGRAM ARGUMENT...: runs PROGRAM, and passes on what it writes, from a
 * pipe of 1 MiB, 64 KiB at a time: as it is, or with "web | " in front of each line and one
 * write a read. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { READ = 65536, LONGEST = 16384 };
static const char PREFIX[] = {'w', 'e', 'b', ' ', '|', ' '};

/* So many that each byte may be a line. */
static char in[LONGEST + READ], out[(LONGEST + READ) * (1 + sizeof PREFIX)];

static void put(const char *from, const char *end)
{
	while (from < end) {
		ssize_t wrote = write(1, from, (size_t)(end - from));
		if (wrote <= 0)
			_exit(1);
		from += wrote;
	}
}

static void copy(int pipe)
{
	ssize_t got;
	while ((got = read(pipe, in, READ)) > 0)
		put(in, in + got);
}

static void prefix(int pipe)
{
	size_t kept = 0;
	ssize_t got;
	while ((got = read(pipe, in + kept, READ)) > 0) {
		char *at = in, *end = in + kept + got, *newline, *to = out;
		while ((newline = memchr(at, '\n', (size_t)(end - at))) != NULL) {
			size_t length = (size_t)(newline + 1 - at);
			memcpy(to, PREFIX, sizeof PREFIX);
			memcpy(to + sizeof PREFIX, at, length);
			to += sizeof PREFIX + length;
			at += length;
		}
		kept = (size_t)(end - at);
		if (kept > LONGEST)
			_exit(1);
		memmove(in, at, kept);
		put(out, to);
	}
}

int main(int argc, char **argv)
{
	int ends[2];
	if (argc < 3 || pipe(ends) != 0)
		return 2;
	fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
	if (fork() == 0) {
		dup2(ends[1], 1);
		close(ends[0]);
		close(ends[1]);
		execv(argv[2], argv + 2);
		_exit(127);
	}
	close(ends[1]);
	if (strcmp(argv[1], "copy") == 0)
		copy(ends[0]);
	else
		prefix(ends[0]);
	wait(NULL);
	return 0;
}
