/* restart PROGRAM [ARG]...: the floor of a restart. Fork and exec, wait for the
 * end, and again; the benchmark kills it when it has seen enough. */
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	for (;;) {
		pid_t child = fork();
		if (child == 0) {
			execv(argv[1], argv + 1);
			_exit(127);
		}
		while (waitpid(-1, NULL, 0) != child)
			;
	}
}
