//! The upstream: as a process of its own, this program once more with its subcommand, or as a thread beside.

use fusewire_upstream::{Script, serve};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

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

/// Serves the script on a thread of its own that ends with the program; answers where.
pub fn serve_beside(script: Script) -> Result<String, String> {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let served = runtime.map_err(|e| format!("no runtime: {e}")).and_then(|runtime| {
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
                let handle = listener.and_then(|listener| serve(listener, script));
                let handle = handle.map_err(|e| format!("cannot serve the upstream: {e}"))?;
                let _ = tell.send(Ok(handle.url()));
                std::future::pending::<Result<(), String>>().await
            })
        });
        let _ = served.map_err(|why| tell.send(Err(why)));
    });
    told.recv().map_err(|_| "the upstream ended".to_owned())?
}
