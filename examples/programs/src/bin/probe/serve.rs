//! An HTTP server that answers with whatever status a file tells it to.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use lastout_example_programs::arguments::Arguments;
use lastout_example_programs::{fail, say};

/// Answers every request with the status that `--status FILE` has in it at that moment,
/// and with 200 where there is no such file. `silence` in it is no answer at all, though
/// the connection stays. It ends as the default for a signal is.
pub(crate) fn serve(mut arguments: Arguments) {
    let address = arguments
        .value("--listen")
        .unwrap_or_else(|| String::from("127.0.0.1:8080"));
    let file = arguments.value("--status");
    arguments.finish();

    let listener = TcpListener::bind(&address)
        .unwrap_or_else(|error| fail(1, &format!("serve: cannot listen on {address}: {error}")));
    say("serve: ready");
    let mut silent = Vec::new();
    for client in listener.incoming().flatten() {
        let status = file
            .as_ref()
            .and_then(|file| std::fs::read_to_string(file).ok());
        match status.as_deref().map(str::trim) {
            Some("silence") => silent.push(client),
            Some(status) => answer(client, status),
            None => answer(client, "200"),
        }
    }
}

/// One who only connects says nothing, and is answered nothing.
fn answer(mut client: TcpStream, status: &str) {
    let mut request = [0; 4096];
    if let Ok(1..) = client.read(&mut request) {
        let text = format!("HTTP/1.1 {status} as told\r\nContent-Length: 0\r\n\r\n");
        let _ = client.write_all(text.as_bytes());
    }
}
