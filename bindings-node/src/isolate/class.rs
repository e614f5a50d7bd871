//! The class, of which the package makes one when it is loaded: its beginning, its calls, its events.

use super::Inner;
use super::courses::Courses;
use super::held::Held;
use super::memory::pin;
use super::waits::Waits;
use crate::events::{Inbox, Kind, Told};
use crate::scratch::{Scratch, WORDS};
use fusewire::{Event, PolicyEvent};
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
            waits: Waits::default(),
            held: Held::default(),
            courses: Courses::default(),
            names: None,
            wrong: None,
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

    /// As `acquire`, for a call that says what it asks for, through the scratch; it may wait for a slot.
    #[napi(getter, ts_return_type = "() => void", catch_unwind)]
    pub fn enter<'e>(&mut self, env: &'e Env) -> Result<Unknown<'e>> {
        crate::hot::enter_of(env, &mut *self.inner)
    }

    /// Settles a permit, through the scratch.
    #[napi(getter, ts_return_type = "() => void", catch_unwind)]
    pub fn settle<'e>(&mut self, env: &'e Env) -> Result<Unknown<'e>> {
        crate::hot::settle_of(env, &mut *self.inner)
    }

    /// Begins a call with its attempts, through the scratch.
    #[napi(getter, ts_return_type = "() => void", catch_unwind)]
    pub fn begin<'e>(&mut self, env: &'e Env) -> Result<Unknown<'e>> {
        crate::hot::begin_of(env, &mut *self.inner)
    }

    /// Settles an attempt, through the scratch, and goes on.
    #[napi(getter, ts_return_type = "() => void", catch_unwind)]
    pub fn settle_attempt<'e>(&mut self, env: &'e Env) -> Result<Unknown<'e>> {
        crate::hot::settle_attempt_of(env, &mut *self.inner)
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

    /// Calls `wake` when another thread has something to tell: an event, or the end of a wait.
    #[napi(catch_unwind)]
    pub fn attend(&mut self, wake: Function<'_, (), ()>) -> Result<()> {
        let waker = wake.build_threadsafe_function::<()>().weak::<true>().build()?;
        self.inner.inbox.set_waker(Some(waker));
        Ok(())
    }

    /// Listens to a breaker's transitions.
    #[napi(catch_unwind)]
    pub fn listen(&mut self, slot: u32) -> Result<()> {
        let inbox = Arc::clone(&self.inner.inbox);
        let kept = self.inner.slot_mut(slot)?;
        if kept.transitions.is_none() {
            let listener = move |event: &Event| inbox.push(slot, Told::Transition(event.clone()));
            kept.transitions = Some(kept.breaker.subscribe(listener));
        }
        Ok(())
    }

    /// Listens to what changes around a breaker's machine.
    #[napi(catch_unwind)]
    pub fn listen_to_policies(&mut self, slot: u32) -> Result<()> {
        let inbox = Arc::clone(&self.inner.inbox);
        let kept = self.inner.slot_mut(slot)?;
        if kept.policies.is_none() {
            let listener = move |event: &PolicyEvent| inbox.push(slot, Told::Policy(event.clone()));
            kept.policies = Some(kept.breaker.subscribe_policies(listener));
        }
        Ok(())
    }

    /// Stops listening to the transitions of a breaker.
    #[napi(catch_unwind)]
    pub fn unlisten(&mut self, slot: u32) -> Result<()> {
        self.inner.slot_mut(slot)?.transitions = None;
        self.inner.inbox.forget(slot, |kind| kind == Kind::Transition);
        Ok(())
    }

    /// Stops listening to its policies.
    #[napi(catch_unwind)]
    pub fn unlisten_to_policies(&mut self, slot: u32) -> Result<()> {
        self.inner.slot_mut(slot)?.policies = None;
        self.inner.inbox.forget(slot, |kind| kind == Kind::Policy);
        Ok(())
    }

    /// Events that wait, as JSON.
    #[napi(catch_unwind)]
    pub fn drain(&self) -> String {
        self.inner.inbox.drain().to_string()
    }

    /// How many wait, and how many waits have ended that nobody has fetched.
    #[napi(catch_unwind)]
    pub fn waiting(&self) -> u32 {
        self.inner.inbox.waiting()
    }
}
