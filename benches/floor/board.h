/* The board: a page that the benchmark and its programs share, a file mapped
 * by its path because a supervisor hands on no descriptor. The benchmark says
 * how many arrivals it waits for; the program that completes them wakes it, so
 * that a thousand starts cost the benchmark one wake-up. benches/peers/board.rs
 * has the same layout. */
#ifndef BOARD_H
#define BOARD_H

#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* futex(2); not every libc has the kernel's headers beside its own. */
enum { BOARD_WAIT = 0, BOARD_WAKE = 1 };

struct board {
	_Atomic uint32_t arrived;  /* futex: arrivals so far */
	_Atomic uint32_t wanted;   /* the arrival that wakes the benchmark */
	_Atomic uint32_t go;       /* futex: counts what the benchmark asked for */
	_Atomic uint32_t unreaped; /* the most orphans seen unreaped */
	_Atomic uint64_t last;     /* ns: the latest first instruction, or answer */
	_Atomic uint64_t died;     /* ns: when the last instance began to die */
};

static inline uint64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline void nap(uint64_t ns)
{
	struct timespec t = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
	while (nanosleep(&t, &t) != 0)
		;
}

static inline void futex_wait(_Atomic uint32_t *word, uint32_t seen)
{
	syscall(SYS_futex, word, BOARD_WAIT, seen, NULL, NULL, 0);
}

static inline void futex_wake(_Atomic uint32_t *word)
{
	syscall(SYS_futex, word, BOARD_WAKE, INT_MAX, NULL, NULL, 0);
}

static inline struct board *board_open(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	void *at = mmap(NULL, sizeof(struct board), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		_exit(111);
	close(fd);
	return at;
}

/* Counts an arrival and wakes the benchmark when it was the one it waits for. */
static inline void board_arrive(struct board *board)
{
	if (atomic_fetch_add(&board->arrived, 1) + 1 >= atomic_load(&board->wanted))
		futex_wake(&board->arrived);
}

/* Waits until the benchmark has asked more often than `seen`; returns the count. */
static inline uint32_t board_wait_go(struct board *board, uint32_t seen)
{
	uint32_t go;
	while ((go = atomic_load(&board->go)) == seen)
		futex_wait(&board->go, seen);
	return go;
}

static inline void raise_to(_Atomic uint64_t *word, uint64_t value)
{
	uint64_t seen = atomic_load(word);
	while (seen < value && !atomic_compare_exchange_weak(word, &seen, value))
		;
}

#endif
