//! The upstream as a process of its own: this program once more, with its subcommand.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// A running upstream. It ends with this value, and by itself should this process die: its standard input is a pipe.
pub struct Service {
    child: Child,
    pub url: String,
}

pub fn start(scale: f64) -> Result<Service, String> {
    let program = std::env::current_exe().map_err(|e| format!("cannot find the own program: {e}"))?;
    let mut child = Command::new(program)
        .args(["upstream", "--until-eof", "--scale", &scale.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| format!("cannot start the upstream: {e}"))?;
    let output = child.stdout.take();
    let mut service = Service { child, url: String::new() };
    let mut line = String::new();
    if let Some(output) = output {
        BufReader::new(output).read_line(&mut line).map_err(|e| format!("the upstream says nothing: {e}"))?;
    }
    match line.trim_end().strip_prefix("listening on ") {
        Some(url) => service.url = url.into(),
        None => return Err(format!("the upstream did not say where it listens, but {line:?}")),
    }
    Ok(service)
}

impl Drop for Service {
    fn drop(&mut self) {
        // Either fails only when the process has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
