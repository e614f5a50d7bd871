//! A layer for calls that recover.

use crate::admit::priority::Priority;
use crate::calls::{Policy, PolicyError};
use crate::clock::Nanos;
use crate::request::Request;
use crate::sync::Mutex;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use tower_layer::Layer;
use tower_service::Service;

/// Says what a request asks for. Closures and functions do, too.
pub trait Describe<Q> {
    /// Its priority, method, key and the rest.
    fn describe<'q>(&self, request: &'q Q) -> Request<'q>;
}

impl<Q, F: Fn(&Q) -> Request<'_>> Describe<Q> for F {
    fn describe<'q>(&self, request: &'q Q) -> Request<'q> {
        self(request)
    }
}

/// Every request is of priority `normal`, costs 1, and names nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Anything;

impl<Q> Describe<Q> for Anything {
    fn describe<'q>(&self, _: &'q Q) -> Request<'q> {
        Request::new()
    }
}

/// Makes a second request of one; `None`: it can be sent only once, and is neither retried nor hedged. Closures and
/// functions do, too.
pub trait CloneRequest<Q> {
    /// The same request once more.
    fn clone_request(&self, request: &Q) -> Option<Q>;
}

impl<Q, F: Fn(&Q) -> Option<Q>> CloneRequest<Q> for F {
    fn clone_request(&self, request: &Q) -> Option<Q> {
        self(request)
    }
}

/// By `Clone`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cloned;

impl<Q: Clone> CloneRequest<Q> for Cloned {
    fn clone_request(&self, request: &Q) -> Option<Q> {
        Some(request.clone())
    }
}

/// Puts a [`Policy`] around a service: timeouts, retries, hedges, cache and fallback, as its breaker's document says. The
/// response is the service's or a rung's; the error is a [`PolicyError`].
///
/// ```
/// use fusewire::tower::PolicyLayer;
/// use fusewire::{CircuitBreaker, Policy, Request, Retry};
///
/// # #[derive(Clone)] struct Get { path: String, body: Vec<u8> }
/// let breaker = CircuitBreaker::builder().retry(Retry::new()).build("inventory")?;
/// let policy: Policy<u16, std::io::Error> = Policy::builder(&breaker).build()?;
/// let layer = PolicyLayer::new(policy)
///     .request(|get: &Get| Request::new().method("GET").key(&get.path))
///     .clone_request(|get: &Get| get.body.is_empty().then(|| get.clone()));
/// # let _ = layer;
/// # Ok::<(), fusewire::Error>(())
/// ```
///
/// The instance that `poll_ready` made ready makes the first attempt, unless that has to wait: for a slot, its turn, a retry
/// or another call of its key. Others are made by clones, each of which is made ready first. An inner service that is not ready is an attempt that takes long.
pub struct PolicyLayer<T, E, R = Anything, C = Cloned> {
    policy: Policy<T, E>,
    describe: R,
    clone: C,
}

impl<T, E> PolicyLayer<T, E> {
    /// A layer for requests that are cloned, and of which nothing is known.
    pub fn new(policy: Policy<T, E>) -> Self {
        PolicyLayer { policy, describe: Anything, clone: Cloned }
    }
}

impl<T, E, R, C> PolicyLayer<T, E, R, C> {
    /// The same with `describe` saying what a request asks for: its method, key, priority, feature.
    pub fn request<Q, D>(self, describe: D) -> PolicyLayer<T, E, D, C>
    where
        D: Fn(&Q) -> Request<'_>,
    {
        PolicyLayer { policy: self.policy, describe, clone: self.clone }
    }

    /// The same with `clone` making the requests of further attempts.
    pub fn clone_request<Q, D>(self, clone: D) -> PolicyLayer<T, E, R, D>
    where
        D: Fn(&Q) -> Option<Q>,
    {
        PolicyLayer { policy: self.policy, describe: self.describe, clone }
    }
}

impl<T, E, R: Clone, C: Clone> Clone for PolicyLayer<T, E, R, C> {
    fn clone(&self) -> Self {
        PolicyLayer {
            policy: self.policy.clone(),
            describe: self.describe.clone(),
            clone: self.clone.clone(),
        }
    }
}

impl<T, E, R, C> fmt::Debug for PolicyLayer<T, E, R, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicyLayer").field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl<S, T, E, R: Clone, C: Clone> Layer<S> for PolicyLayer<T, E, R, C> {
    type Service = PolicyService<S, T, E, R, C>;

    fn layer(&self, inner: S) -> Self::Service {
        PolicyService { inner, layer: self.clone(), is_ready: false }
    }
}

/// A service behind a [`Policy`]; see [`PolicyLayer`].
pub struct PolicyService<S, T, E, R = Anything, C = Cloned> {
    inner: S,
    layer: PolicyLayer<T, E, R, C>,
    /// The inner service was made ready for the next call.
    is_ready: bool,
}

/// A clone was not polled ready, whatever the original was.
impl<S: Clone, T, E, R: Clone, C: Clone> Clone for PolicyService<S, T, E, R, C> {
    fn clone(&self) -> Self {
        PolicyService { inner: self.inner.clone(), layer: self.layer.clone(), is_ready: false }
    }
}

impl<S: fmt::Debug, T, E, R, C> fmt::Debug for PolicyService<S, T, E, R, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicyService").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl<S, T, E, R, C, Q> Service<Q> for PolicyService<S, T, E, R, C>
where
    S: Service<Q, Response = T, Error = E> + Clone + Send + 'static,
    S::Future: Send,
    T: Send + 'static,
    E: Send + 'static,
    Q: Send + 'static,
    R: Describe<Q>,
    C: CloneRequest<Q> + Clone + Send + 'static,
{
    type Response = T;
    type Error = PolicyError<E>;
    type Future = Pin<Box<dyn Future<Output = Result<T, PolicyError<E>>> + Send>>;

    /// While the breaker would turn a call away the inner service is left alone: a rung may answer.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        if self.layer.policy.breaker().0.would_reject().is_some() {
            return Poll::Ready(Ok(()));
        }
        self.inner.poll_ready(cx).map(|ready| {
            // One that cannot be made ready fails the attempt that tries to, so that the breaker sees it.
            self.is_ready = ready.is_ok();
            Ok(())
        })
    }

    fn call(&mut self, request: Q) -> Self::Future {
        let described = Described::of(&self.layer.describe.describe(&request));
        let spare = self.inner.clone();
        let ready = std::mem::replace(&mut self.inner, spare.clone());
        let ready = std::mem::take(&mut self.is_ready).then_some(ready);
        let mut sending = Sending { spare, request: Some(request), clone: self.layer.clone.clone() };
        let policy = self.layer.policy.clone();
        Box::pin(async move {
            let next = sending.clone_request();
            let once = next.is_none();
            let mut next = next.or_else(|| sending.request.take());
            // One that is ready may have a place of the service that another call needs, for which this one waits.
            let ready = Mutex::new(ready);
            let let_go = || {
                let held = ready.lock().take();
                drop(held);
            };
            let attempt = || {
                let request = next.take().or_else(|| sending.clone_request());
                let held = ready.lock().take();
                send(held, sending.spare.clone(), request.or_else(|| sending.request.take()))
            };
            let call = policy.call_letting_go(described.request(once), attempt, let_go);
            call.await.map(|answer| answer.value)
        })
    }
}

/// What the attempts of one call are made of.
struct Sending<S, Q, C> {
    spare: S,
    request: Option<Q>,
    clone: C,
}

impl<S, Q, C: CloneRequest<Q>> Sending<S, Q, C> {
    fn clone_request(&self) -> Option<Q> {
        self.clone.clone_request(self.request.as_ref()?)
    }
}

async fn send<S: Service<Q>, Q>(
    ready: Option<S>,
    mut spare: S,
    request: Option<Q>,
) -> Result<S::Response, S::Error> {
    let Some(request) = request else { unreachable!("a request that cannot be cloned is sent once") };
    match ready {
        Some(mut ready) => ready.call(request).await,
        None => {
            poll_fn(|cx| spare.poll_ready(cx)).await?;
            spare.call(request).await
        }
    }
}

/// What a request asks for, without the request: that is sent away.
struct Described {
    priority: Priority,
    cost: u32,
    deadline: Option<Nanos>,
    feature: Option<Box<str>>,
    method: Option<Box<str>>,
    key: Option<Box<str>>,
    idempotent: bool,
    once: bool,
}

impl Described {
    fn of(request: &Request<'_>) -> Self {
        let Request { priority, cost, deadline, feature, method, idempotent, once, key } = *request;
        let [feature, method, key] = [feature, method, key].map(|text| text.map(Box::from));
        Described { priority, cost, deadline, feature, method, key, idempotent, once }
    }

    fn request(&self, once: bool) -> Request<'_> {
        Request {
            priority: self.priority,
            cost: self.cost,
            deadline: self.deadline,
            feature: self.feature.as_deref(),
            method: self.method.as_deref(),
            key: self.key.as_deref(),
            idempotent: self.idempotent,
            once: self.once || once,
        }
    }
}
