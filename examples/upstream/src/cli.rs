//! The command line: the binary's, and that of programs that carry the service along.

use crate::script::Script;
use crate::server::serve;
use clap::Args;
use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// What the service can be told when it starts.
#[derive(Args, Debug)]
pub struct Options {
    /// Port on 127.0.0.1; 0 takes a free one, which the first line of the output names
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub port: u16,

    /// Multiplies the script's durations and periods (0.01 to 100); latencies stay
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = scale)]
    pub scale: f64,

    /// JSON list of phases to play instead of the default outage
    #[arg(long, value_name = "FILE.json")]
    pub script: Option<PathBuf>,

    /// End also when standard input ends: a parent that holds a pipe to it leaves no orphan behind
    #[arg(long)]
    pub until_eof: bool,
}

/// Reads a `--scale`.
pub fn scale(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(factor) if (0.01..=100.0).contains(&factor) => Ok(factor),
        _ => Err("allowed are numbers from 0.01 to 100".into()),
    }
}

/// Serves until SIGTERM, ctrl-c or, if asked for, the end of standard input.
pub fn run(options: Options) -> Result<(), String> {
    let script = script(&options)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| format!("no runtime: {e}"))?;
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port))
            .await
            .map_err(|e| format!("--port {}: {e}", options.port))?;
        // Before the first line: who reads it may send a signal at once.
        let end = end(options.until_eof).map_err(|e| format!("cannot listen for signals: {e}"))?;
        let handle = serve(listener, script).map_err(|e| format!("cannot serve: {e}"))?;
        println!("listening on {}", handle.url());
        end.await;
        Ok(())
    })
}

fn script(options: &Options) -> Result<Script, String> {
    let script = match &options.script {
        None => Ok(Script::default()),
        Some(path) => {
            let text =
                std::fs::read_to_string(path).map_err(|e| format!("--script {}: {e}", path.display()))?;
            Script::from_json(&text).map_err(|e| format!("--script {}: {e}", path.display()))
        }
    }?;
    script.scaled(options.scale).map_err(|e| format!("--scale {}: {e}", options.scale))
}

/// The listening begins with the call, the waiting with the future.
fn end(until_eof: bool) -> io::Result<impl Future<Output = ()>> {
    let asked = asked_to_end()?;
    let (eof, at_eof) = oneshot::channel();
    if until_eof {
        // A thread of its own: a read of standard input cannot be called off, so the runtime must not wait for it.
        std::thread::spawn(move || {
            let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
            let _ = eof.send(());
        });
    }
    Ok(async {
        tokio::select! {
            () = asked => {}
            // Without `until_eof` the sender is gone, and this branch with it.
            Ok(()) = at_eof => {}
        }
    })
}

#[cfg(unix)]
fn asked_to_end() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn asked_to_end() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
