//! Memory that JavaScript and the core both see: what the isolate gives for scratch and lane counters, and the slabs.

use super::LaneCounters;
use super::class::Isolate;
use crate::error::no_slot;
use crate::slab::slabs;
use napi::bindgen_prelude::*;
use napi::sys;
use napi_derive::napi;
use std::ffi::c_void;
use std::ptr::{self, NonNull};

/// Lanes whose counters are in one array buffer of the isolate: those of successes, then those of first attempts.
const LANES_IN_CHUNK: usize = 1_024;

/// The words of an array buffer, which stays alive as long as the isolate.
pub(super) fn pin(env: &Env, buffer: &Unknown<'_>, bytes: usize) -> Result<NonNull<c_void>> {
    let (mut place, mut length, mut kept) = (ptr::null_mut(), 0, ptr::null_mut());
    // SAFETY: the value is of this environment; the reference is kept for good.
    unsafe {
        check_status!(sys::napi_get_arraybuffer_info(env.raw(), buffer.raw(), &mut place, &mut length))?;
        check_status!(sys::napi_create_reference(env.raw(), buffer.raw(), 1, &mut kept))?;
    }
    let too_small = || Error::new(Status::InvalidArg, format!("an array buffer of {bytes} bytes"));
    NonNull::new(place).filter(|_| length >= bytes).ok_or_else(too_small)
}

#[napi]
impl Isolate {
    /// Gives memory for the lane counters of the next slots.
    #[napi(catch_unwind)]
    pub fn add_chunk(
        &mut self,
        env: Env,
        #[napi(ts_arg_type = "ArrayBuffer")] chunk: Unknown<'_>,
    ) -> Result<()> {
        let place = pin(&env, &chunk, LANES_IN_CHUNK * 2 * 8)?.cast();
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
                let (successes, admitted) = (chunk.add(index), chunk.add(LANES_IN_CHUNK + index));
                kept.breaker.add_lane(successes, admitted);
                kept.lane = Some(LaneCounters { successes, admitted });
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
}
