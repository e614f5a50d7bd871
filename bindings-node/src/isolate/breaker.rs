//! A breaker by its slot: what it says of itself, and what people do to it.

use super::class::Isolate;
use crate::error::of_config;
use crate::scratch::{EXTRA, LOW};
use fusewire::binding::Slip;
use fusewire::{Builder, By, Mode};
use napi::bindgen_prelude::*;
use napi_derive::napi;

/// Who did it and why, as events tell.
pub(super) fn by(actor: Option<String>, reason: Option<String>) -> By {
    By::parts(actor.as_deref(), reason.as_deref())
}

#[napi]
impl Isolate {
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
