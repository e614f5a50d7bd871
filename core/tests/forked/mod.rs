//! Children that a test forks, and threads that such a child may start.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

/// Runs `f` in a child; an error tells how it ended when that was not well. What lies on the stack of another thread is
/// not to be used there: a child's threads get the stacks of those that are gone.
pub fn in_a_child(f: impl FnOnce()) -> Result<(), String> {
    // SAFETY: the child uses this library and the standard one only, which is what is tested, and leaves by `_exit`.
    match unsafe { libc::fork() } {
        -1 => Err(format!("fork: {}", std::io::Error::last_os_error())),
        0 => {
            // SAFETY: as above. Who hangs is killed: 14.
            unsafe { libc::alarm(20) };
            let ended = catch_unwind(AssertUnwindSafe(f));
            // SAFETY: as above.
            unsafe { libc::_exit(if ended.is_ok() { 0 } else { tell(&ended) }) }
        }
        child => {
            let mut status = 0;
            // SAFETY: our own child, which nobody else waits for.
            let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
            if (waited, status) == (child, 0) { Ok(()) } else { Err(format!("wait status {status:#x}")) }
        }
    }
}

/// Says in the child what went wrong; the harness's own way ends with the parent.
fn tell(ended: &thread::Result<()>) -> i32 {
    let Err(panic) = ended else { return 0 };
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("a child panicked");
    let text = format!("{text}\n");
    // SAFETY: the text is as long as it says.
    unsafe { libc::write(2, text.as_ptr().cast(), text.len()) };
    1
}

/// A thread of the C library's. The standard library takes a lock at the start and the end of each of its own, which a
/// child may inherit locked.
pub struct Plain(libc::pthread_t);

type Run = Box<dyn FnOnce() + Send>;

impl Plain {
    /// Runs `f` on a new thread.
    pub fn start(f: impl FnOnce() + Send + 'static) -> Self {
        let run: *mut Run = Box::into_raw(Box::new(Box::new(f)));
        let mut id = 0;
        // SAFETY: `run_plain` takes what it is given, once.
        let failed = unsafe { libc::pthread_create(&raw mut id, std::ptr::null(), run_plain, run.cast()) };
        assert_eq!(failed, 0, "no thread");
        Plain(id)
    }

    /// Waits for its end, and fails if it panicked.
    pub fn join(self) {
        let mut panicked = std::ptr::null_mut();
        // SAFETY: started by `start`, and joined once.
        assert_eq!(unsafe { libc::pthread_join(self.0, &raw mut panicked) }, 0);
        assert!(panicked.is_null(), "a thread panicked");
    }
}

extern "C" fn run_plain(run: *mut libc::c_void) -> *mut libc::c_void {
    // SAFETY: made by `start`.
    let run = unsafe { Box::from_raw(run.cast::<Run>()) };
    let ended = catch_unwind(AssertUnwindSafe(run));
    std::ptr::without_provenance_mut(tell(&ended) as usize)
}
