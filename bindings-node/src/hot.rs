//! The functions of a call, as bare as Node-API has them: no argument, no answer, everything in the scratch.

use crate::isolate::Inner;
use crate::scratch::{CODE, PANICKED};
use napi::bindgen_prelude::*;
use napi::sys;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

type Callback = unsafe extern "C" fn(sys::napi_env, sys::napi_callback_info) -> sys::napi_value;

/// Runs `act` on the isolate that a callback was made for; a panic ends in the scratch.
fn on_isolate(env: sys::napi_env, info: sys::napi_callback_info, act: fn(&mut Inner)) -> sys::napi_value {
    let mut data: *mut c_void = ptr::null_mut();
    // SAFETY: all but `data` may be null.
    unsafe {
        sys::napi_get_cb_info(env, info, ptr::null_mut(), ptr::null_mut(), ptr::null_mut(), &mut data);
    }
    // SAFETY: `function` gave it, an isolate's inner part lives as long as the isolate, and only the isolate's thread
    // comes here, never from within itself.
    if let Some(inner) = unsafe { data.cast::<Inner>().as_mut() } {
        let scratch = inner.scratch;
        if catch_unwind(AssertUnwindSafe(|| act(inner))).is_err() {
            scratch.set(CODE, PANICKED);
        }
    }
    ptr::null_mut()
}

unsafe extern "C" fn acquire(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    on_isolate(env, info, Inner::acquire)
}

unsafe extern "C" fn enter(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    on_isolate(env, info, Inner::enter)
}

unsafe extern "C" fn settle(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    on_isolate(env, info, |inner| inner.settle(None))
}

unsafe extern "C" fn begin(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    on_isolate(env, info, Inner::begin)
}

unsafe extern "C" fn settle_attempt(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    on_isolate(env, info, |inner| inner.settle_attempt(None))
}

fn function<'e>(env: &'e Env, call: Callback, inner: *mut Inner) -> Result<Unknown<'e>> {
    let mut made = ptr::null_mut();
    // SAFETY: the name may be null; the data pointer is taken back by `on_isolate`.
    let status =
        unsafe { sys::napi_create_function(env.raw(), ptr::null(), 0, Some(call), inner.cast(), &mut made) };
    check_status!(status)?;
    // SAFETY: a value of this environment, just made.
    Ok(unsafe { Unknown::from_raw_unchecked(env.raw(), made) })
}

pub(crate) fn acquire_of<'e>(env: &'e Env, inner: *mut Inner) -> Result<Unknown<'e>> {
    function(env, acquire, inner)
}

pub(crate) fn enter_of<'e>(env: &'e Env, inner: *mut Inner) -> Result<Unknown<'e>> {
    function(env, enter, inner)
}

pub(crate) fn settle_of<'e>(env: &'e Env, inner: *mut Inner) -> Result<Unknown<'e>> {
    function(env, settle, inner)
}

pub(crate) fn begin_of<'e>(env: &'e Env, inner: *mut Inner) -> Result<Unknown<'e>> {
    function(env, begin, inner)
}

pub(crate) fn settle_attempt_of<'e>(env: &'e Env, inner: *mut Inner) -> Result<Unknown<'e>> {
    function(env, settle_attempt, inner)
}
