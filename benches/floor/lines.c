// Writes so many MiB of lines of 100 bytes, as fast as they are taken.
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv) {
    static char buffer[65500];
    long left = (argc > 1 ? atol(argv[1]) : 1) * 1024 * 1024;
    memset(buffer, 'x', sizeof buffer);
    for (size_t end = 99; end < sizeof buffer; end += 100)
        buffer[end] = '\n';
    while (left > 0) {
        // Whole lines: the last write may be a little more than was asked for.
        ssize_t written = write(1, buffer, sizeof buffer);
        if (written < 0)
            return 1;
        for (size_t done = (size_t)written; done < sizeof buffer; done += (size_t)written)
            if ((written = write(1, buffer + done, sizeof buffer - done)) < 0)
                return 1;
        left -= (long)sizeof buffer;
    }
    return 0;
}
