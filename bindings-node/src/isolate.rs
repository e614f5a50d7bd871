//! What one isolate has of the core: its breakers by slot, its lanes, its events.

use crate::clock::NativeClock;
use crate::error::{no_slot, of, of_config};
use crate::events::Inbox;
use crate::registry::registry;
use crate::scratch::*;
use crate::slab::slabs;
use fusewire::binding::{CellMemory, Slip};
use fusewire::{Builder, By, CircuitBreaker, Mode, Outcome, Subscription};
use napi::bindgen_prelude::*;
use napi::sys;
use napi_derive::napi;
use std::ffi::c_void;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Lane counters in one array buffer of the isolate.
const LANES_IN_CHUNK: usize = 1_024;

struct Slot {
    breaker: CircuitBreaker,
    lane: Option<NonNull<AtomicU64>>,
    subscription: Option<Subscription>,
}

/// The part that the bare functions reach.
pub(crate) struct Inner {
    pub(crate) scratch: Scratch,
    slots: Vec<Option<Slot>>,
    free: Vec<u32>,
    chunks: Vec<NonNull<AtomicU64>>,
    inbox: Arc<Inbox>,
    listening: usize,
    /// By number, from 1; as many as `lib/error-types.ts` gives.
    error_types: Vec<Box<str>>,
}

impl Inner {
    fn slot(&self, slot: u32) -> Result<&Slot> {
        self.slots.get(slot as usize).and_then(Option::as_ref).ok_or_else(no_slot)
    }

    fn breaker(&self, slot: u32) -> Result<&CircuitBreaker> {
        Ok(&self.slot(slot)?.breaker)
    }

    fn keep(&mut self, breaker: CircuitBreaker) -> u32 {
        let slot = Some(Slot { breaker, lane: None, subscription: None });
        match self.free.pop() {
            Some(free) => {
                self.slots[free as usize] = slot;
                free
            }
            None => {
                self.slots.push(slot);
                self.slots.len() as u32 - 1
            }
        }
    }

    fn release(&mut self, slot: u32) {
        let Some(Slot { breaker, lane, subscription }) =
            self.slots.get_mut(slot as usize).and_then(Option::take)
        else {
            return;
        };
        if let Some(subscription) = subscription {
            self.stop_listening(slot, subscription);
        }
        if let Some(counter) = lane {
            breaker.remove_lane(counter);
            // SAFETY: the isolate's own memory; nobody else reads it any more.
            unsafe { counter.as_ref() }.store(0, Ordering::Relaxed);
        }
        self.free.push(slot);
    }

    fn stop_listening(&mut self, slot: u32, subscription: Subscription) {
        drop(subscription);
        self.inbox.forget(slot);
        self.listening -= 1;
        if self.listening == 0 {
            self.inbox.set_waker(None);
        }
    }

    /// Ends everything: the isolate goes away, and its memory with it.
    fn close(&mut self) {
        (0..self.slots.len() as u32).for_each(|slot| self.release(slot));
    }

    pub(crate) fn acquire(&mut self) {
        let s = self.scratch;
        let Ok(slot) = self.slot(s.get(SLOT)) else { return s.set(CODE, PANICKED) };
        slot.breaker.return_grant(s.get(GRANT_CALLS));
        match slot.breaker.acquire_slip() {
            Ok(slip) => {
                s.set(CODE, 0);
                s.set(LOW, slip.low);
                s.set(LEASE, slip.lease);
                s.set(EXTRA, slip.extra);
                s.set(ENGINE, slip.engine);
                s.set_wide(START, slip.start);
            }
            Err(refused) => {
                s.set(CODE, 1 + refused.reason as u32);
                s.set_nanos(refused.retry_after);
                s.set_wide(FAILURE, slot.breaker.failure_word());
            }
        }
        let grant = if slot.lane.is_some() { slot.breaker.grant() } else { Default::default() };
        s.set(GRANT_LOW, grant.low);
        s.set(GRANT_CALLS, grant.calls);
        s.set(EVENTS, self.inbox.waiting());
    }

    pub(crate) fn settle(&mut self, error_type: Option<&str>) {
        let s = self.scratch;
        let Ok(slot) = self.slot(s.get(SLOT)) else { return s.set(CODE, PANICKED) };
        let slip = Slip {
            low: s.get(LOW),
            lease: s.get(LEASE),
            extra: s.get(EXTRA),
            engine: s.get(ENGINE),
            start: s.get_wide(START),
        };
        s.set(CODE, 0);
        let numbered =
            || self.error_types.get((s.get(ERROR_TYPE) as usize).wrapping_sub(1)).map(AsRef::as_ref);
        let error_type = error_type.or_else(numbered);
        let settled = match s.get(OUTCOME) {
            ABANDONED => slot.breaker.abandon_slip(&slip),
            code => {
                let outcome = Outcome::ALL.get(code as usize).copied().unwrap_or(Outcome::Ignored);
                slot.breaker.settle_slip(&slip, outcome, s.nanos(), error_type)
            }
        };
        s.set(SETTLED, settled as u32);
        s.set(EVENTS, self.inbox.waiting());
    }
}

/// The words of an array buffer, which stays alive as long as the isolate.
fn pin(env: &Env, buffer: &Unknown<'_>, bytes: usize) -> Result<NonNull<c_void>> {
    let (mut place, mut length, mut kept) = (ptr::null_mut(), 0, ptr::null_mut());
    // SAFETY: the value is of this environment; the reference is kept for good.
    unsafe {
        check_status!(sys::napi_get_arraybuffer_info(env.raw(), buffer.raw(), &mut place, &mut length))?;
        check_status!(sys::napi_create_reference(env.raw(), buffer.raw(), 1, &mut kept))?;
    }
    let too_small = || Error::new(Status::InvalidArg, format!("an array buffer of {bytes} bytes"));
    NonNull::new(place).filter(|_| length >= bytes).ok_or_else(too_small)
}

fn by(actor: Option<String>, reason: Option<String>) -> By {
    By::parts(actor.as_deref(), reason.as_deref())
}

/// What one isolate has of the core.
#[napi]
pub struct Isolate {
    inner: Box<Inner>,
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

    /// Builds a breaker; answers its slot. With `registry`, the one of that name there.
    #[napi(catch_unwind)]
    pub fn create(
        &mut self,
        name: String,
        document: String,
        clock: Option<&NativeClock>,
        registry_name: Option<String>,
    ) -> Result<u32> {
        let memory: Arc<dyn CellMemory> = slabs().clone();
        let mut builder = Builder::from_json(&document).map_err(of_config)?.cell_memory(memory);
        if let Some(clock) = clock {
            builder = builder.clock(clock.0.clone());
        }
        let breaker = match registry_name {
            Some(registry_name) => registry(&registry_name).get_or_create(&name, builder),
            None => builder.build(&name),
        };
        Ok(self.inner.keep(breaker.map_err(of)?))
    }

    /// The breaker of that name in a registry; answers its slot.
    #[napi(catch_unwind)]
    pub fn find(&mut self, registry_name: String, name: String) -> Option<u32> {
        registry(&registry_name).get(&name).map(|breaker| self.inner.keep(breaker))
    }

    /// Takes a breaker out of a registry.
    #[napi(catch_unwind)]
    pub fn remove(&self, registry_name: String, name: String) -> bool {
        registry(&registry_name).remove(&name).is_some()
    }

    /// Whether a registry has a breaker of that name.
    #[napi(catch_unwind)]
    pub fn has(&self, registry_name: String, name: String) -> bool {
        registry(&registry_name).get(&name).is_some()
    }

    /// How many breakers a registry has.
    #[napi(catch_unwind)]
    pub fn size(&self, registry_name: String) -> u32 {
        registry(&registry_name).len() as u32
    }

    /// Swaps the document of the breaker of that name in a registry; `false` when it is the same.
    #[napi(catch_unwind)]
    pub fn reconfigure_by_name(
        &self,
        registry_name: String,
        name: String,
        document: String,
        actor: Option<String>,
        reason: Option<String>,
    ) -> Result<bool> {
        let builder = Builder::from_json(&document).map_err(of_config)?;
        registry(&registry_name).reconfigure(&name, builder, by(actor, reason)).map_err(of)
    }

    /// The names in a registry, sorted.
    #[napi(catch_unwind)]
    pub fn names(&self, registry_name: String) -> Vec<String> {
        let mut names: Vec<String> =
            registry(&registry_name).breakers().iter().map(|b| b.name().to_owned()).collect();
        names.sort();
        names
    }

    /// The metrics of a registry.
    #[napi(catch_unwind)]
    pub fn registry_metrics(&self, registry_name: String) -> String {
        registry(&registry_name).metrics()
    }

    /// The metrics of breakers, by slot.
    #[napi(catch_unwind)]
    pub fn metrics(&self, slots: Vec<u32>) -> Result<String> {
        let snapshots = slots.into_iter().map(|slot| Ok(self.inner.breaker(slot)?.snapshot()));
        Ok(fusewire::render(&mut snapshots.collect::<Result<Vec<_>>>()?))
    }

    /// Whether two slots hold the same breaker.
    #[napi(catch_unwind)]
    pub fn is_same(&self, slot: u32, other: u32) -> Result<bool> {
        let cell = |slot| Ok::<_, Error>(self.inner.breaker(slot)?.cell().as_ptr());
        Ok(cell(slot)? == cell(other)?)
    }

    /// Lets go of a breaker.
    #[napi(catch_unwind)]
    pub fn release(&mut self, slot: u32) {
        self.inner.release(slot);
    }

    /// Gives memory for the lane counters of the next slots.
    #[napi(catch_unwind)]
    pub fn add_chunk(
        &mut self,
        env: Env,
        #[napi(ts_arg_type = "ArrayBuffer")] chunk: Unknown<'_>,
    ) -> Result<()> {
        let place = pin(&env, &chunk, LANES_IN_CHUNK * 8)?.cast();
        self.inner.chunks.push(place);
        Ok(())
    }

    /// Gives a breaker a lane, if its cell lies in a slab and there is a counter for the slot; tells the slab and the
    /// cell's first word there, as `slab * 2^32 + word`.
    #[napi(catch_unwind)]
    pub fn open_lane(&mut self, slot: u32) -> Result<Option<f64>> {
        let (chunk, index) = (slot as usize / LANES_IN_CHUNK, slot as usize % LANES_IN_CHUNK);
        let Some(chunk) = self.inner.chunks.get(chunk).copied() else { return Ok(None) };
        let Some(kept) = self.inner.slots.get_mut(slot as usize).and_then(Option::as_mut) else {
            return Err(no_slot());
        };
        let Some((slab, word)) = slabs().find(kept.breaker.cell()) else { return Ok(None) };
        if kept.lane.is_none() {
            // SAFETY: the chunk has so many counters; it is pinned, JavaScript writes doubles there, and the lane is
            // removed before the isolate ends.
            unsafe {
                let counter = chunk.add(index);
                kept.breaker.add_lane(counter);
                kept.lane = Some(counter);
            }
        }
        Ok(Some(f64::from(slab) * 4_294_967_296.0 + f64::from(word)))
    }

    /// A slab as an array buffer; `None` where the runtime does not allow memory that is not its own.
    #[napi(catch_unwind, ts_return_type = "ArrayBuffer | null")]
    pub fn slab<'e>(&self, env: &'e Env, number: u32) -> Result<Option<Unknown<'e>>> {
        let Some(slab) = slabs().slab(number) else { return Ok(None) };
        let (place, mut made) = (slab.as_ptr().cast_mut().cast::<c_void>(), ptr::null_mut());
        // SAFETY: slabs are never freed. JavaScript reads there only.
        let status = unsafe {
            sys::napi_create_external_arraybuffer(
                env.raw(),
                place,
                size_of_val(slab),
                None,
                ptr::null_mut(),
                &mut made,
            )
        };
        if status != sys::Status::napi_ok {
            return Ok(None);
        }
        // SAFETY: a value of this environment, just made.
        Ok(Some(unsafe { Unknown::from_raw_unchecked(env.raw(), made) }))
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

    /// The effective state.
    #[napi(catch_unwind)]
    pub fn state(&self, slot: u32) -> Result<String> {
        Ok(self.inner.breaker(slot)?.state().name().to_owned())
    }

    /// The mode.
    #[napi(catch_unwind)]
    pub fn mode(&self, slot: u32) -> Result<String> {
        Ok(self.inner.breaker(slot)?.mode().name().to_owned())
    }

    /// The name.
    #[napi(catch_unwind)]
    pub fn name(&self, slot: u32) -> Result<String> {
        Ok(self.inner.breaker(slot)?.name().to_owned())
    }

    /// The snapshot as JSON, durations in nanoseconds.
    #[napi(catch_unwind)]
    pub fn snapshot(&self, slot: u32) -> Result<String> {
        Ok(fusewire::json(&self.inner.breaker(slot)?.snapshot()).to_string())
    }

    /// What the scratch said of the last failure, in two halves, as JSON; `None` when there was none.
    #[napi(catch_unwind)]
    pub fn last_failure(&self, slot: u32, low: u32, high: u32) -> Result<Option<String>> {
        let word = u64::from(high) << 32 | u64::from(low);
        Ok(self.inner.breaker(slot)?.failure_json(word).map(|failure| failure.to_string()))
    }

    /// The document with its defaults filled in.
    #[napi(catch_unwind)]
    pub fn document(&self, slot: u32) -> Result<String> {
        Ok(self.inner.breaker(slot)?.document())
    }

    /// Why a call of that permit, in the scratch, would have been rejected: 1 + the reason's code, or 0.
    #[napi(catch_unwind)]
    pub fn would_reject(&self, slot: u32) -> Result<u32> {
        let s = self.inner.scratch;
        let slip = Slip { low: s.get(LOW), extra: s.get(EXTRA), ..Slip::default() };
        Ok(self.inner.breaker(slot)?.slip_would_reject(&slip).map_or(0, |reason| 1 + reason as u32))
    }

    /// Opens, for a duration as documents have it if one is given.
    #[napi(catch_unwind)]
    pub fn trip(
        &self,
        slot: u32,
        duration: Option<String>,
        actor: Option<String>,
        reason: Option<String>,
    ) -> Result<()> {
        let (breaker, by) = (self.inner.breaker(slot)?, by(actor, reason));
        match duration {
            Some(duration) => breaker.trip_for(&duration, &by),
            None => breaker.trip(None, by),
        }
        .map_err(of_config)
    }

    /// Lets the next calls probe.
    #[napi(catch_unwind)]
    pub fn half_open(&self, slot: u32, actor: Option<String>, reason: Option<String>) -> Result<()> {
        self.inner.breaker(slot)?.half_open(by(actor, reason));
        Ok(())
    }

    /// Closes.
    #[napi(catch_unwind)]
    pub fn reset(&self, slot: u32, actor: Option<String>, reason: Option<String>) -> Result<()> {
        self.inner.breaker(slot)?.reset(by(actor, reason));
        Ok(())
    }

    /// Sets the mode; `false` when there is none of that name.
    #[napi(catch_unwind)]
    pub fn set_mode(
        &self,
        slot: u32,
        mode: String,
        actor: Option<String>,
        reason: Option<String>,
    ) -> Result<bool> {
        let found = Mode::ALL.into_iter().find(|m| m.name() == mode);
        if let Some(mode) = found {
            self.inner.breaker(slot)?.set_mode(mode, by(actor, reason));
        }
        Ok(found.is_some())
    }

    /// Carries out what is due.
    #[napi(catch_unwind)]
    pub fn poll(&self, slot: u32) -> Result<()> {
        self.inner.breaker(slot)?.poll();
        Ok(())
    }

    /// Swaps the document; `false` when it is the same.
    #[napi(catch_unwind)]
    pub fn reconfigure(
        &self,
        slot: u32,
        document: String,
        actor: Option<String>,
        reason: Option<String>,
    ) -> Result<bool> {
        let builder = Builder::from_json(&document).map_err(of_config)?;
        self.inner.breaker(slot)?.reconfigure(builder, by(actor, reason)).map_err(of_config)
    }
}
