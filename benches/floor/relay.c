// What a relay does at the least: `relay copy` reads and writes on, `relay prefix` puts a
// name in front of each line. A second word is the size of the pipe that it reads.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char in[65536], out[8 * 65536];

static int write_all(const char *bytes, size_t length) {
    while (length > 0) {
        ssize_t written = write(1, bytes, length);
        if (written < 0)
            return -1;
        bytes += written;
        length -= (size_t)written;
    }
    return 0;
}

int main(int argc, char **argv) {
    static const char name[] = "lines | ";
    int prefix = argc > 1 && strcmp(argv[1], "prefix") == 0, at_start = 1;
    if (argc > 2)
        fcntl(0, F_SETPIPE_SZ, atoi(argv[2]));
    for (;;) {
        ssize_t count = read(0, in, sizeof in);
        if (count <= 0)
            return count < 0;
        if (!prefix) {
            if (write_all(in, (size_t)count) < 0)
                return 1;
            continue;
        }
        size_t length = 0;
        for (char *at = in, *end = in + count; at < end;) {
            char *newline = memchr(at, '\n', (size_t)(end - at));
            char *next = newline ? newline + 1 : end;
            if (at_start) {
                memcpy(out + length, name, sizeof name - 1);
                length += sizeof name - 1;
            }
            memcpy(out + length, at, (size_t)(next - at));
            length += (size_t)(next - at);
            at_start = newline != NULL;
            at = next;
        }
        if (write_all(out, length) < 0)
            return 1;
    }
}
