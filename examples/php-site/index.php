<?php
// Counts its visits in redis. With ?seconds=3 it takes its time, to have something that
// a stop could interrupt: it needs redis before and after.

$redis = stream_socket_client('tcp://127.0.0.1:6379') or exit(1);

function redis(string $command): string
{
    global $redis;
    fwrite($redis, "$command\r\n");
    return trim(fgets($redis), ":+\r\n");
}

$visit = redis('INCR begun');
// sleep() alone would end with the QUIT that the stop sends.
$end = microtime(true) + (float) ($_GET['seconds'] ?? 0);
while (microtime(true) < $end) {
    usleep(100000);
}
$finished = redis('INCR finished');
header('Content-Type: text/plain');
echo "visit $visit, finished $finished\n";
