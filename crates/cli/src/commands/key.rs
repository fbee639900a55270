//! `weir key`: keys for the clients of the gateway.

use anyhow::Context;

use crate::exit_code::{CommandResult, MET};
use crate::paint;

/// Makes a key. The key itself goes to stderr, once; stdout gets what the configuration keeps.
pub(crate) fn new(name: &str) -> CommandResult {
    let gateway::NewKey { key, hash } = gateway::new_key().context("failed to make a key")?;
    let name = serde_json::Value::from(name);
    paint::say(format_args!("The key, shown only this once: {key}"));
    paint::data(&format!("[[key]]\nname = {name}\nsha256 = \"{hash}\"\n"))
        .context("failed to write to stdout")?;
    Ok(MET)
}
