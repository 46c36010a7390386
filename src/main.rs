//! The program: reads the command line, starts the runtime, serves until it is told to end.

mod cli;
mod files;
mod runtime;
mod signals;

use anyhow::Context;
use mqtt_server::{Options, Server};
use std::process::ExitCode;

// Version 2: leaner for small objects than version 3, and it gives back more after a storm. Without huge pages, which would round a start
// of 4 MB up to 10 MB.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let options = cli::options();
    match serve(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lacewing: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn serve(mut options: Options) -> anyhow::Result<()> {
    options.limits.connections = options.limits.connections.min(files::connections());
    runtime::build().context("cannot start the runtime")?.block_on(async {
        let shutdown = signals::shutdown().context("cannot listen to signals")?;
        let server = Server::bind(options)?;
        announce(&server);
        server.run(shutdown).await;
        Ok(())
    })
}

/// The one line that says that clients can connect now, and where.
fn announce(server: &Server) {
    let urls: Vec<String> = server.addresses().iter().map(|address| format!("mqtt://{address}")).collect();
    eprintln!("lacewing {} listening on {}", env!("CARGO_PKG_VERSION"), urls.join(", "));
}
