//! Values that may answer later calls, and calls that share one attempt. Behind traits, so that a policy whose values are
//! neither cloned nor shared asks nothing of their type.

use super::answer::{Answer, PolicyError};
use crate::admit::priority::Priority;
use crate::around::Caching;
use crate::body::Body;
use crate::policy::coalesce::{Coalesced, Followed, Follower, Leader, Turn};
use crate::policy::values::Values;
use crate::sync::OnceBox;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// How a call ended.
pub(crate) type Ended<T, E> = Result<Answer<T, E>, PolicyError<E>>;

/// Keeps values for later calls.
pub(crate) trait Keep<T>: Send + Sync {
    /// A value that answers before anything is called.
    fn fresh(&self, body: &Body, key: &str) -> Option<T>;
    /// A value that may answer when the call has failed.
    fn any(&self, body: &Body, key: &str) -> Option<T>;
    fn store(&self, body: &Body, key: &str, value: &T);
    fn forget(&self, body: &Body, key: &str);
    fn clear(&self, body: &Body);
}

/// Those over the index of the breaker's cache, which is the same whatever its plans say.
pub(crate) struct Kept<T>(OnceBox<Values<T>>);

impl<T> Kept<T> {
    pub(crate) fn new() -> Self {
        Kept(OnceBox::new())
    }

    fn values(&self, caching: &Caching) -> &Values<T> {
        self.0.get_or_init(|| Box::new(Values::over(Arc::clone(&caching.lasting.index))))
    }
}

impl<T: Clone + Send + Sync> Keep<T> for Kept<T> {
    fn fresh(&self, body: &Body, key: &str) -> Option<T> {
        let caching = body.caching()?;
        let now = body.clock().now();
        self.values(caching).find(|| caching.fresh(key, now))
    }

    fn any(&self, body: &Body, key: &str) -> Option<T> {
        let caching = body.caching()?;
        let now = body.clock().now();
        self.values(caching).find(|| caching.any(key, now))
    }

    fn store(&self, body: &Body, key: &str, value: &T) {
        if let Some(caching) = body.caching() {
            self.values(caching).store(&caching.rules, key, body.clock().now(), value.clone());
        }
    }

    fn forget(&self, body: &Body, key: &str) {
        if let Some(caching) = body.caching() {
            self.values(caching).forget(key);
        }
    }

    fn clear(&self, body: &Body) {
        if let Some(caching) = body.caching() {
            self.values(caching).clear();
        }
    }
}

/// Lets calls of one key share one attempt.
pub(crate) trait Join<T, E>: Send + Sync {
    fn join(&self, key: &str, level: Priority) -> Joined<T, E>;
}

/// What a call does that has joined.
pub(crate) enum Joined<T, E> {
    Leads(Box<dyn Lead<T, E>>),
    Follows(Follow<T, E>),
}

/// Makes the attempt for others, too. Dropped, it leaves that to the first of them.
pub(crate) trait Lead<T, E>: Send {
    fn land(self: Box<Self>, ended: &Ended<T, E>);
}

/// Hands the result to those who wait for it.
pub(super) fn land<T, E>(lead: Option<Box<dyn Lead<T, E>>>, ended: Ended<T, E>) -> Ended<T, E> {
    if let Some(lead) = lead {
        lead.land(&ended);
    }
    ended
}

/// Waits for who leads.
pub(crate) type Follow<T, E> = Pin<Box<dyn Future<Output = FollowEnd<T, E>> + Send>>;

/// How such a wait ended.
pub(crate) enum FollowEnd<T, E> {
    Landed(Ended<T, E>),
    /// Who led is gone: this call makes the attempt.
    Leads(Box<dyn Lead<T, E>>),
}

impl<T, E> Join<T, E> for Arc<Coalesced<Ended<T, E>>>
where
    T: Clone + Send + Sync + 'static,
    E: Clone + Send + Sync + 'static,
{
    fn join(&self, key: &str, level: Priority) -> Joined<T, E> {
        match Coalesced::join(self, key, level) {
            Turn::Lead(leader) => Joined::Leads(Box::new(leader)),
            Turn::Follow(follower) => Joined::Follows(Box::pin(Following(follower))),
        }
    }
}

impl<T, E> Lead<T, E> for Leader<Ended<T, E>>
where
    T: Clone + Send + Sync + 'static,
    E: Clone + Send + Sync + 'static,
{
    fn land(self: Box<Self>, ended: &Ended<T, E>) {
        Leader::land(*self, ended);
    }
}

struct Following<T, E>(Follower<Ended<T, E>>);

impl<T, E> Future for Following<T, E>
where
    T: Clone + Send + Sync + 'static,
    E: Clone + Send + Sync + 'static,
{
    type Output = FollowEnd<T, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<FollowEnd<T, E>> {
        Pin::new(&mut self.0).poll(cx).map(|end| match end {
            Followed::Landed(ended) => FollowEnd::Landed(ended),
            Followed::Lead(leader) => FollowEnd::Leads(Box::new(leader)),
        })
    }
}
