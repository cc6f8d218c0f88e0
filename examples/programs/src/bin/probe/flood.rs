//! Too much of something: output, memory, signals.

use lastout_example_programs::arguments::Arguments;
use lastout_example_programs::{fail, say, signals};

/// Writes lines until it has written so many bytes, or for ever; nobody may be reading.
pub(crate) fn fill(mut arguments: Arguments) {
    let limit = arguments.count("--bytes", u64::MAX);
    let nonblocking = arguments.flag("--nonblocking");
    let descriptor = match arguments.value("--stream").as_deref() {
        None | Some("stdout") => libc::STDOUT_FILENO,
        Some("stderr") => libc::STDERR_FILENO,
        Some(other) => fail(2, &format!("probe fill: no stream {other}")),
    };
    arguments.finish();
    if nonblocking {
        // Others share the open file description: that is the mischief of it.
        // SAFETY: fcntl with these commands takes numbers and touches no memory.
        unsafe {
            let flags = libc::fcntl(descriptor, libc::F_GETFL);
            libc::fcntl(descriptor, libc::F_SETFL, flags | libc::O_NONBLOCK);
        }
    }

    let line = [
        b"fill: nobody need read this, but somebody has to take it ".as_slice(),
        &[b'.'; 70],
        b"\n",
    ]
    .concat();
    let mut written: u64 = 0;
    while written < limit {
        // SAFETY: the pointer and the length are those of one live buffer.
        let count = unsafe { libc::write(descriptor, line.as_ptr().cast(), line.len()) };
        match u64::try_from(count) {
            Ok(count) => written += count,
            Err(_) => wait_or_end(descriptor),
        }
    }
}

/// After a failed write: waits until there is room again, or ends when there is no reader.
fn wait_or_end(descriptor: i32) {
    let error = std::io::Error::last_os_error();
    match error.raw_os_error() {
        Some(libc::EAGAIN) => {
            let mut entry = libc::pollfd {
                fd: descriptor,
                events: libc::POLLOUT,
                revents: 0,
            };
            // SAFETY: the entry is live and the only one.
            unsafe {
                libc::poll(&raw mut entry, 1, -1);
            }
        }
        Some(libc::EINTR) => {}
        _ => fail(74, &format!("probe fill: {error}")),
    }
}

/// Uses memory until it has so many bytes, then waits for TERM; a limit may be first.
pub(crate) fn eat_memory(mut arguments: Arguments) {
    let text = arguments.first("how many bytes");
    arguments.finish();
    let Ok(size) = text.parse::<usize>() else {
        fail(2, &format!("probe eat-memory: {text} is no number"));
    };
    signals::block(signals::Set::of(libc::SIGTERM));
    say("eat-memory: ready");
    // Bytes other than zero make the kernel find a page for each of them.
    let memory = vec![1_u8; size];
    say(&format!(
        "eat-memory: has {} bytes",
        std::hint::black_box(&memory).len()
    ));
    signals::wait_for(libc::SIGTERM);
    say("eat-memory: got SIGTERM, leaving");
}

/// Sends a signal, often if need be, queued with a value if wished.
pub(crate) fn send(mut arguments: Arguments) {
    let value = arguments.value("--queue");
    let signal = arguments.first("a signal");
    let pid = arguments.first("a pid");
    let count = arguments.another().unwrap_or_else(|| String::from("1"));
    arguments.finish();
    let (Some(number), Ok(pid), Ok(count)) = (
        signals::number(&signal),
        pid.parse::<i32>(),
        count.parse::<u64>(),
    ) else {
        fail(2, "probe send: SIGNAL PID [COUNT]");
    };
    for sent in 0..count {
        let outcome = match &value {
            None => signals::send(pid, number),
            Some(value) => queue(pid, number, value.parse().unwrap_or(0)),
        };
        if let Err(error) = outcome {
            fail(1, &format!("send: {sent} of {count}, error {error}"));
        }
    }
    say(&format!("send: {count} of {count}"));
}

fn queue(pid: i32, number: i32, value: usize) -> Result<(), i32> {
    let value = libc::sigval {
        sival_ptr: std::ptr::without_provenance_mut(value),
    };
    // SAFETY: sigqueue takes numbers; the pointer is one and is never followed.
    match unsafe { libc::sigqueue(pid, number, value) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error().raw_os_error().unwrap_or(0)),
    }
}
