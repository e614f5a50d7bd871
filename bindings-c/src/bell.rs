//! What rings when a wait has ended: threads that are parked, and a callback of the program's.

use fusewire::binding::ForkMutex;
use std::ffi::c_void;
use std::sync::Arc;
use std::task::Wake;
use std::thread::{self, Thread};

pub(crate) type Callback = unsafe extern "C" fn(userdata: *mut c_void);

#[derive(Clone, Copy)]
struct Call {
    callback: Callback,
    userdata: *mut c_void,
}

// SAFETY: the header says that the callback may be called on any thread.
unsafe impl Send for Call {}

#[derive(Default)]
struct State {
    has_rung: bool,
    call: Option<Call>,
    /// The process and the thread that call it at the moment.
    caller: Option<(u32, usize)>,
    /// Whom to wake. A forked child finds some that it does not have, and wakes nobody.
    threads: Vec<Thread>,
}

/// Rings once, and calls at once what is set afterwards.
pub(crate) struct Bell(ForkMutex<State>);

impl Default for Bell {
    fn default() -> Self {
        Bell(ForkMutex::new(State::default()))
    }
}

/// The process and something of the calling thread's own: to ask for a `Thread` would allocate one.
fn me() -> (u32, usize) {
    thread_local! {
        static OWN: u8 = const { 0 };
    }
    (std::process::id(), OWN.with(|own| std::ptr::from_ref(own).addr()))
}

/// Keeps the calling thread among those that are woken.
pub(crate) struct Listed<'a>(&'a Bell);

impl Drop for Listed<'_> {
    fn drop(&mut self) {
        let me = thread::current().id();
        self.0.0.lock().threads.retain(|thread| thread.id() != me);
    }
}

impl Bell {
    /// Lets the calling thread be unparked by what happens from now on.
    pub(crate) fn list(&self) -> Listed<'_> {
        self.0.lock().threads.push(thread::current());
        Listed(self)
    }

    /// Calls what is set and wakes who is listed.
    pub(crate) fn ring(&self) {
        let (call, threads) = {
            let mut state = self.0.lock();
            state.has_rung = true;
            let call = state.call.take();
            if call.is_some() {
                state.caller = Some(me());
            }
            (call, std::mem::take(&mut state.threads))
        };
        threads.iter().for_each(Thread::unpark);
        if let Some(Call { callback, userdata }) = call {
            // SAFETY: the header's promise: it stays until it is silenced.
            unsafe { callback(userdata) };
            self.hang_up();
        }
    }

    fn hang_up(&self) {
        let threads = {
            let mut state = self.0.lock();
            state.caller = None;
            std::mem::take(&mut state.threads)
        };
        threads.iter().for_each(Thread::unpark);
    }

    /// Sets what is called, at once when the bell has rung.
    pub(crate) fn set(&self, callback: Callback, userdata: *mut c_void) {
        let has_rung = {
            let mut state = self.0.lock();
            state.call = Some(Call { callback, userdata });
            state.has_rung
        };
        if has_rung {
            self.ring();
        }
    }

    /// From here on nothing is called that was set before; waits for a call that another thread makes.
    pub(crate) fn silence(&self) {
        while self.is_calling() {
            let _listed = self.list();
            // It may be done since.
            if self.is_calling() {
                thread::park();
            }
        }
    }

    /// Takes away what is set; answers whether another thread calls it at the moment.
    fn is_calling(&self) -> bool {
        let mut state = self.0.lock();
        state.call = None;
        let (process, this) = me();
        // A forked child has no thread that would ever be done with it.
        state.caller.is_some_and(|(of, thread)| of == process && thread != this)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring();
    }
}
