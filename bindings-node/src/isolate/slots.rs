//! How breakers come into slots and leave them: new ones, and by name those of the registries that all isolates share.

use super::breaker::by;
use super::class::Isolate;
use crate::clock::NativeClock;
use crate::error::{of, of_config};
use crate::registry::registry;
use crate::slab::slabs;
use fusewire::Builder;
use fusewire::binding::CellMemory;
use napi::bindgen_prelude::*;
use napi_derive::napi;
use std::sync::Arc;

#[napi]
impl Isolate {
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
}
