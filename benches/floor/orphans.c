/* orphans BOARD stream|burst COUNT: leaves orphans to PID 1. Each time that the
 * benchmark says go, COUNT processes lose their parent and then exit.
 *
 *   stream  one after the other, each as soon as it is orphaned; `unreaped` is
 *           the most that were still there right after the last one had left
 *   burst   all at once; it arrives when all have exited, and goes on when told
 *
 * When all are reaped it sets `last` to the time, and arrives. */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include "board.h"

enum { MOST = 4096 };

/* Shared with the children: their pids, and the gates that they wait at. */
static struct {
	pid_t pids[MOST];
	_Atomic uint32_t gates[MOST];
} *shared;

static void open_gate(int i)
{
	atomic_store(&shared->gates[i], 1);
	futex_wake(&shared->gates[i]);
}

/* Forks a parent that forks the orphans `from` up to `to` and exits; returns
 * when it is gone, so that the kernel has given its children to PID 1. */
static void make_orphans(int from, int to, int gate_step)
{
	pid_t parent = fork();
	if (parent == 0) {
		for (int i = from; i < to; i++) {
			pid_t orphan = fork();
			if (orphan == 0) {
				_Atomic uint32_t *gate = &shared->gates[i * gate_step];
				while (atomic_load(gate) == 0)
					futex_wait(gate, 0);
				_exit(0);
			}
			shared->pids[i] = orphan;
		}
		_exit(0);
	}
	while (waitpid(parent, NULL, 0) != parent)
		;
}

static void stream(int count)
{
	for (int i = 0; i < count; i++) {
		make_orphans(i, i + 1, 1);
		open_gate(i);
	}
}

/* The orphans hold the write end of a pipe: its end of file says that the last
 * of them has closed its descriptors, a moment before it can be reaped. */
static void burst(int count)
{
	int left[2];
	char byte;

	if (pipe(left) != 0)
		_exit(1);
	make_orphans(0, count, 0);
	close(left[1]);
	open_gate(0);
	while (read(left[0], &byte, 1) > 0)
		;
	close(left[0]);
}

static uint32_t still_there(int count)
{
	uint32_t there = 0;
	for (int i = 0; i < count; i++)
		there += shared->pids[i] > 0 && kill(shared->pids[i], 0) == 0;
	return there;
}

int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	struct board *board = board_open(argv[1]);
	int in_stream = strcmp(argv[2], "stream") == 0, count = atoi(argv[3]);
	uint32_t go = 0;

	if (count < 1 || count > MOST)
		return 2;
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (board_arrive(board);; board_arrive(board)) {
		go = board_wait_go(board, go);
		memset(shared, 0, sizeof *shared);
		if (in_stream) {
			stream(count);
			uint32_t there = still_there(count);
			if (there > atomic_load(&board->unreaped))
				atomic_store(&board->unreaped, there);
		} else {
			burst(count);
			board_arrive(board);
			go = board_wait_go(board, go);
		}
		while (still_there(count) > 0)
			nap(50000);
		atomic_store(&board->last, now());
	}
}
