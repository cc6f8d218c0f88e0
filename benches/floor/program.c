/* program BOARD MODE: what the inits and supervisors run. It notes the time as
 * the first thing that it does, gets ready for its mode, and arrives.
 *
 *   wait    does nothing; TERM ends it at once
 *   ignore  ignores TERM
 *   slow    needs 200 ms after TERM
 *   answer  notes the time of each USR1 and arrives again
 *   mortal  exits each time that the benchmark says go; the next instance sets
 *           `last` to the nanoseconds from the other's end to its own start
 *   brief   arrives and fails at once, as a program does that crashes in a loop */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include "board.h"

static struct board *board;

static void leave_slowly(int signal)
{
	(void)signal;
	nap(200000000u);
	_exit(0);
}

static void answer(int signal)
{
	(void)signal;
	atomic_store(&board->last, now());
	board_arrive(board);
}

static void die_when_told(uint64_t born)
{
	uint64_t died = atomic_load(&board->died);
	uint32_t go = atomic_load(&board->go);

	if (died != 0)
		atomic_store(&board->last, born - died);
	board_arrive(board);
	board_wait_go(board, go);
	atomic_store(&board->died, now());
	_exit(0);
}

int main(int argc, char **argv)
{
	uint64_t born = now();

	if (argc != 3)
		return 2;
	const char *mode = argv[2];
	board = board_open(argv[1]);
	if (strcmp(mode, "mortal") == 0)
		die_when_told(born);
	if (strcmp(mode, "brief") == 0) {
		board_arrive(board);
		_exit(1);
	}
	if (strcmp(mode, "ignore") == 0)
		signal(SIGTERM, SIG_IGN);
	else if (strcmp(mode, "slow") == 0)
		signal(SIGTERM, leave_slowly);
	else if (strcmp(mode, "answer") == 0)
		signal(SIGUSR1, answer);
	raise_to(&board->last, born);
	board_arrive(board);
	for (;;)
		pause();
}
