//! Serves without the command line's comforts: `serve [ADDRESS [PROFILE]]`, until it is killed.

use std::io::Write as _;

use simulator::{Config, Server, Settings};
use tokio_util::sync::CancellationToken;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let listen = arguments.next().map(|address| address.parse()).transpose()?;
    let config = Config { listen, profile: arguments.next(), ..Config::default() };
    runtime::limits::raise_open_files();
    let server = Server::bind(Settings::new(config)?)?;
    writeln!(std::io::stdout(), "http://{}", server.local_address())?;
    server.start(CancellationToken::new())?.join()?;
    Ok(())
}
