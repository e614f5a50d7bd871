//! The service as a task of the running tokio runtime.

use crate::routes::router;
use crate::script::Script;
use crate::stage::Stage;
use axum::serve::ListenerExt;
use std::future::IntoFuture;
use std::io;
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A running service. Dropping it lets the service run on until the runtime ends.
#[derive(Debug)]
pub struct Handle {
    addr: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<io::Result<()>>,
}

/// Serves the script on this listener; the script's clock starts now. It must be called inside a tokio runtime.
pub fn serve(listener: TcpListener, script: Script) -> io::Result<Handle> {
    let addr = listener.local_addr()?;
    let (stop, stopped) = oneshot::channel();
    // Small answers over loopback: waiting to fill a packet would only add to the latency that the script asks for.
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    let server = axum::serve(listener, router(Stage::new(script))).with_graceful_shutdown(async {
        // A handle that was dropped asks for nothing.
        if stopped.await.is_err() {
            std::future::pending::<()>().await;
        }
    });
    Ok(Handle { addr, stop, task: tokio::spawn(server.into_future()) })
}

impl Handle {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where it listens, as the beginning of a URL: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Takes no further connection and waits until the calls that have begun are answered.
    pub async fn stop(self) -> io::Result<()> {
        // The receiver is gone only when the server has ended already, and then the task says why.
        let _ = self.stop.send(());
        self.task.await?
    }
}
