//! The class, of which the package makes one when it is loaded: its beginning, its calls, its events.

use super::Inner;
use super::memory::pin;
use crate::events::Inbox;
use crate::scratch::{Scratch, WORDS};
use napi::bindgen_prelude::*;
use napi_derive::napi;
use std::ptr;
use std::sync::Arc;

/// What one isolate has of the core.
#[napi]
pub struct Isolate {
    pub(super) inner: Box<Inner>,
}

#[napi]
impl Isolate {
    /// Over a scratch: an array buffer that is never detached.
    #[napi(constructor, catch_unwind)]
    pub fn new(env: Env, #[napi(ts_arg_type = "ArrayBuffer")] scratch: Unknown<'_>) -> Result<Self> {
        let place = pin(&env, &scratch, WORDS * 4)?.cast();
        let mut inner = Box::new(Inner {
            // SAFETY: pinned, and large enough; array buffers lie at multiples of 8.
            scratch: unsafe { Scratch::new(place) },
            slots: Vec::new(),
            free: Vec::new(),
            chunks: Vec::new(),
            inbox: Inbox::new(),
            listening: 0,
            error_types: Vec::new(),
        });
        let place = ptr::from_mut(&mut *inner);
        // Before the isolate's memory goes, and before this object does.
        env.add_env_cleanup_hook(place, |place| {
            // SAFETY: the package keeps its isolate as long as it is loaded.
            unsafe { &mut *place }.close();
        })?;
        Ok(Isolate { inner })
    }

    /// Acquires a permit, through the scratch.
    #[napi(getter, ts_return_type = "() => void", catch_unwind)]
    pub fn acquire<'e>(&mut self, env: &'e Env) -> Result<Unknown<'e>> {
        crate::hot::acquire_of(env, &mut *self.inner)
    }

    /// Settles a permit, through the scratch.
    #[napi(getter, ts_return_type = "() => void", catch_unwind)]
    pub fn settle<'e>(&mut self, env: &'e Env) -> Result<Unknown<'e>> {
        crate::hot::settle_of(env, &mut *self.inner)
    }

    /// Gives an error type a number, for `settle`.
    #[napi(catch_unwind)]
    pub fn add_error_type(&mut self, error_type: String) -> u32 {
        self.inner.error_types.push(error_type.into());
        self.inner.error_types.len() as u32
    }

    /// As `settle`, for a failure whose type has no number.
    #[napi(catch_unwind)]
    pub fn settle_failed(&mut self, error_type: String) {
        self.inner.settle(Some(&error_type));
    }

    /// Listens to a breaker; `wake` is called when another thread has something to tell.
    #[napi(catch_unwind)]
    pub fn listen(&mut self, slot: u32, wake: Function<'_, (), ()>) -> Result<()> {
        if self.inner.slot(slot)?.subscription.is_some() {
            return Ok(());
        }
        if self.inner.listening == 0 {
            let waker = wake.build_threadsafe_function::<()>().weak::<true>().build()?;
            self.inner.inbox.set_waker(Some(waker));
        }
        let inbox = Arc::clone(&self.inner.inbox);
        let subscription = self.inner.breaker(slot)?.subscribe(move |event| inbox.push(slot, event));
        self.inner.listening += 1;
        if let Some(Some(kept)) = self.inner.slots.get_mut(slot as usize) {
            kept.subscription = Some(subscription);
        }
        Ok(())
    }

    /// Stops listening.
    #[napi(catch_unwind)]
    pub fn unlisten(&mut self, slot: u32) {
        let kept = self.inner.slots.get_mut(slot as usize).and_then(Option::as_mut);
        if let Some(subscription) = kept.and_then(|kept| kept.subscription.take()) {
            self.inner.stop_listening(slot, subscription);
        }
    }

    /// Events that wait, as JSON.
    #[napi(catch_unwind)]
    pub fn drain(&self) -> String {
        self.inner.inbox.drain().to_string()
    }

    /// How many wait.
    #[napi(catch_unwind)]
    pub fn waiting(&self) -> u32 {
        self.inner.inbox.waiting()
    }
}
