/* lines BOARD COUNT: when the benchmark says go, writes COUNT lines of 100 bytes to stdout,
 * 640 at once; 0: lines without end. It arrives before. */
#include <stdlib.h>
#include <string.h>
#include "board.h"

enum { WIDTH = 100, AT_ONCE = 640 };

int main(int argc, char **argv)
{
	static char text[WIDTH * AT_ONCE];
	if (argc != 3)
		return 2;
	struct board *board = board_open(argv[1]);
	long long left = atoll(argv[2]) * WIDTH;
	int is_endless = left == 0;

	memset(text, 'x', sizeof text);
	for (int i = 1; i <= AT_ONCE; i++)
		text[i * WIDTH - 1] = '\n';
	uint32_t go = atomic_load(&board->go);
	board_arrive(board);
	board_wait_go(board, go);
	while (is_endless || left > 0) {
		size_t size = is_endless || left > (long long)sizeof text ? sizeof text : (size_t)left;
		for (size_t done = 0; done < size;) {
			ssize_t wrote = write(1, text + done, size - done);
			if (wrote <= 0)
				return 1;
			done += (size_t)wrote;
		}
		left -= is_endless ? 0 : (long long)size;
	}
	return 0;
}
