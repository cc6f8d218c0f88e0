/* many GRACE_MS COUNT PROGRAM BOARD MODE ODD_MODE: the floor of a supervisor
 * of COUNT programs, the last of which runs in ODD_MODE. It spawns them one
 * after the other; at TERM it tells each, waits for all, and kills what is left
 * after GRACE_MS. */
#define _GNU_SOURCE
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t *pids;
static int count;

static void tell(int signal)
{
	for (int i = 0; i < count; i++)
		if (pids[i] > 0)
			kill(pids[i], signal);
}

static void too_late(int signal)
{
	(void)signal;
	tell(SIGKILL);
}

int main(int argc, char **argv)
{
	posix_spawnattr_t attributes;
	sigset_t waited, none;
	char *envp[] = {NULL};

	if (argc != 7)
		return 2;
	long grace = atol(argv[1]);
	count = atoi(argv[2]);
	pids = calloc((size_t)count, sizeof *pids);
	sigemptyset(&none);
	sigemptyset(&waited);
	sigaddset(&waited, SIGTERM);
	sigprocmask(SIG_BLOCK, &waited, NULL);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigmask(&attributes, &none);
	for (int i = 0; i < count; i++) {
		char *command[] = {argv[3], argv[4], i == count - 1 ? argv[6] : argv[5], NULL};
		if (posix_spawn(&pids[i], argv[3], NULL, &attributes, command, envp) != 0)
			return 1;
	}
	sigwaitinfo(&waited, NULL);
	tell(SIGTERM);
	signal(SIGALRM, too_late);
	setitimer(ITIMER_REAL, &(struct itimerval){.it_value = {grace / 1000, grace % 1000 * 1000}}, NULL);
	for (int left = count; left > 0;) {
		pid_t gone = waitpid(-1, NULL, 0);
		for (int i = 0; gone > 0 && i < count; i++)
			if (pids[i] == gone) {
				pids[i] = 0;
				left--;
				break;
			}
	}
	return 0;
}
