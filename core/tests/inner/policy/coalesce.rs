//! Calls of one key as futures: what followers are told, who is woken, and that nothing foreign runs under the lock.

use crate::Priority::{self, Bulk, High, Normal};
use crate::name::Name;
use crate::policy::coalesce::{Coalesced, Followed, Follower, Leader, Turn};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

fn calls<V>() -> Arc<Coalesced<V>> {
    Coalesced::new(Name::new("a"))
}

#[track_caller]
fn leads<V>(calls: &Arc<Coalesced<V>>, level: Priority) -> Leader<V> {
    match calls.join("key", level) {
        Turn::Lead(leader) => leader,
        Turn::Follow(_) => panic!("it follows"),
    }
}

#[track_caller]
fn follows<V>(calls: &Arc<Coalesced<V>>, level: Priority) -> Follower<V> {
    match calls.join("key", level) {
        Turn::Lead(_) => panic!("it leads"),
        Turn::Follow(follower) => follower,
    }
}

/// Counts how often it is woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A follower and its waker.
struct Waits<V> {
    follower: Follower<V>,
    woken: Arc<Count>,
}

impl<V: Clone> Waits<V> {
    /// It has been polled once, and waits.
    fn new(follower: Follower<V>) -> Self {
        let mut waits = Waits { follower, woken: Arc::default() };
        assert!(waits.poll().is_pending());
        waits
    }

    fn poll(&mut self) -> Poll<Followed<V>> {
        let waker = Waker::from(Arc::clone(&self.woken));
        Pin::new(&mut self.follower).poll(&mut Context::from_waker(&waker))
    }

    /// It was woken since, once, and this is why.
    #[track_caller]
    fn told(mut self) -> Followed<V> {
        assert_eq!(self.woken.0.load(Ordering::Relaxed), 1, "woken");
        match self.poll() {
            Poll::Ready(told) => told,
            Poll::Pending => panic!("woken for nothing"),
        }
    }

    #[track_caller]
    fn landed(self) -> V {
        match self.told() {
            Followed::Landed(result) => result,
            Followed::Lead(_) => panic!("it leads"),
        }
    }

    #[track_caller]
    fn heir(self) -> Leader<V> {
        match self.told() {
            Followed::Landed(_) => panic!("it has a result"),
            Followed::Lead(leader) => leader,
        }
    }

    fn is_woken(&self) -> bool {
        self.woken.0.load(Ordering::Relaxed) > 0
    }
}

#[test]
fn followers_are_given_the_result_of_their_leader() {
    let calls = calls();
    let leader = leads(&calls, Normal);
    let [first, second] = [Bulk, Normal].map(|level| Waits::new(follows(&calls, level)));
    leader.land(&"result".to_owned());
    assert_eq!((first.landed(), second.landed(), calls.len()), ("result".into(), "result".into(), 0));
    drop(leads(&calls, Normal));
}

#[test]
fn a_result_that_came_before_the_first_poll_is_there() {
    let calls = calls();
    let leader = leads(&calls, Normal);
    let mut follower = follows(&calls, Normal);
    leader.land(&1);
    let polled = Pin::new(&mut follower).poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(polled, Poll::Ready(Followed::Landed(1))));
}

#[test]
fn the_first_follower_leads_when_the_leader_is_dropped() {
    let calls = calls();
    let leader = leads(&calls, Normal);
    let [first, second, third] = [Normal; 3].map(|level| Waits::new(follows(&calls, level)));
    drop(first);
    drop(leader);
    assert!(!third.is_woken());
    let heir = second.heir();
    let fourth = Waits::new(follows(&calls, Normal));
    heir.land(&7);
    assert_eq!((third.landed(), fourth.landed(), calls.len()), (7, 7, 0));
}

#[test]
fn an_heir_that_is_cancelled_before_it_was_told_passes_it_on() {
    let calls = calls::<u8>();
    let leader = leads(&calls, Normal);
    let [first, second] = [Normal; 2].map(|level| Waits::new(follows(&calls, level)));
    drop(leader);
    assert!(first.is_woken());
    drop(first);
    drop(second.heir());
    assert_eq!(calls.len(), 0);
}

#[test]
fn a_follower_that_is_dropped_with_its_result_leaves_nothing_behind() {
    let calls = calls();
    let leader = leads(&calls, Normal);
    let follower = Waits::new(follows(&calls, Normal));
    let result = Arc::new(());
    leader.land(&result);
    drop(follower);
    assert_eq!((Arc::strong_count(&result), calls.waits()), (1, 0));
}

#[test]
fn a_follower_of_a_higher_level_than_the_heir_leads_itself() {
    let calls = calls();
    let leader = leads(&calls, High);
    let [bulk, high, normal] = [Bulk, High, Normal].map(|level| Waits::new(follows(&calls, level)));
    drop(leader);
    let (heir, own) = (bulk.heir(), high.heir());
    heir.land(&1);
    assert!(!normal.is_woken());
    own.land(&2);
    assert_eq!((normal.landed(), calls.len()), (2, 0));
}

#[test]
fn a_leader_that_panics_leaves_the_attempt_to_a_follower() {
    let calls = calls::<u8>();
    let leader = leads(&calls, Normal);
    let follower = Waits::new(follows(&calls, Normal));
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
        let _leader = leader;
        std::panic::resume_unwind(Box::new("the call"));
    }));
    assert!(panicked.is_err());
    drop(follower.heir());
}

#[test]
fn only_the_newest_waker_is_woken() {
    let calls = calls();
    let leader = leads(&calls, Normal);
    let mut follower = follows(&calls, Normal);
    let [old, new] = [(); 2].map(|()| Arc::new(Count::default()));
    for count in [&old, &new] {
        let waker = Waker::from(Arc::clone(count));
        assert!(Pin::new(&mut follower).poll(&mut Context::from_waker(&waker)).is_pending());
    }
    leader.land(&());
    assert_eq!([&old, &new].map(|count| count.0.load(Ordering::Relaxed)), [0, 1]);
}

#[test]
fn a_result_is_cloned_for_followers_only() {
    /// Counts its clones, and asks the calls it is of meanwhile.
    struct Costly(Arc<Coalesced<Costly>>, Arc<AtomicUsize>);
    impl Clone for Costly {
        fn clone(&self) -> Self {
            self.0.len();
            self.1.fetch_add(1, Ordering::Relaxed);
            Costly(Arc::clone(&self.0), Arc::clone(&self.1))
        }
    }
    impl Drop for Costly {
        fn drop(&mut self) {
            self.0.len();
        }
    }
    let (calls, clones) = (calls(), Arc::new(AtomicUsize::new(0)));
    let result = Costly(Arc::clone(&calls), Arc::clone(&clones));
    leads(&calls, Normal).land(&result);
    assert_eq!(clones.load(Ordering::Relaxed), 0);
    let leader = leads(&calls, Normal);
    let [first, second] = [Normal; 2].map(|level| Waits::new(follows(&calls, level)));
    leader.land(&result);
    drop((first.landed(), second.landed()));
    // One to share, one for the first; the second has the shared one.
    assert_eq!(clones.load(Ordering::Relaxed), 2);
}

#[test]
fn a_result_whose_clone_panics_leaves_the_attempt_to_a_follower() {
    struct Wild;
    impl Clone for Wild {
        fn clone(&self) -> Self {
            std::panic::resume_unwind(Box::new("clone"))
        }
    }
    let calls = calls();
    let leader = leads(&calls, Normal);
    let follower = Waits::new(follows(&calls, Normal));
    let landed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| leader.land(&Wild)));
    assert!(landed.is_err());
    drop(follower.heir());
    assert_eq!(calls.len(), 0);
}

#[test]
fn a_waker_may_ask_and_its_panic_keeps_nobody_from_being_woken() {
    struct Wild(Arc<Coalesced<()>>);
    impl Wake for Wild {
        fn wake(self: Arc<Self>) {
            self.0.len();
            std::panic::resume_unwind(Box::new("waker"));
        }
    }
    let calls = calls();
    let leader = leads(&calls, Normal);
    let mut wild = follows(&calls, Normal);
    let waker = Waker::from(Arc::new(Wild(Arc::clone(&calls))));
    assert!(Pin::new(&mut wild).poll(&mut Context::from_waker(&waker)).is_pending());
    let other = Waits::new(follows(&calls, Normal));
    leader.land(&());
    other.landed();
}

/// Calls of a key by tasks of a runtime, some aborted at any time: as many results as calls that were not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_that_are_aborted_keep_nobody_waiting() {
    async fn call(calls: Arc<Coalesced<u32>>, attempts: Arc<AtomicUsize>) -> u32 {
        let leader = match calls.join("key", Normal) {
            Turn::Lead(leader) => leader,
            Turn::Follow(follower) => match follower.await {
                Followed::Landed(result) => return result,
                Followed::Lead(leader) => leader,
            },
        };
        tokio::task::yield_now().await;
        attempts.fetch_add(1, Ordering::Relaxed);
        leader.land(&1);
        1
    }
    let (calls, attempts) = (calls(), Arc::new(AtomicUsize::new(0)));
    for round in 0..300 {
        let tasks: Vec<_> =
            (0..8).map(|_| tokio::spawn(call(Arc::clone(&calls), Arc::clone(&attempts)))).collect();
        tasks.iter().skip(round % 3).step_by(3).for_each(|task| task.abort());
        for task in tasks {
            match task.await {
                Ok(result) => assert_eq!(result, 1),
                Err(error) => assert!(error.is_cancelled(), "{error}"),
            }
        }
    }
    assert_eq!((calls.len(), calls.waits()), (0, 0));
    assert!((1..2_400).contains(&attempts.load(Ordering::Relaxed)));
}
