//! Who leads and who follows: by hand, in a child, and against a model that was written from the rule's text.

use super::cases;
use crate::Priority::{self, Bulk, Critical, High, Low, Normal};
use crate::policy::flights::{Flights, Joined, Role, Ticket};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn leads(ticket: Ticket) -> Joined {
    Joined { ticket, role: Role::Lead }
}

fn follows(ticket: Ticket) -> Joined {
    Joined { ticket, role: Role::Follow }
}

const NOBODY: [Ticket; 0] = [];

#[test]
fn who_comes_first_leads_and_others_of_the_key_follow() {
    let flights = Flights::new();
    let joined = ["a", "a", "b", "a"].map(|key| flights.join(key, Normal));
    assert_eq!(joined, [leads(1), follows(2), leads(3), follows(4)]);
    assert_eq!((flights.land(1), flights.land(3)), (vec![2, 4], vec![]));
    assert_eq!(flights.len(), 0);
}

#[test]
fn who_comes_after_the_end_leads() {
    let flights = Flights::new();
    assert_eq!(flights.join("a", Normal), leads(1));
    assert_eq!(flights.land(1), NOBODY);
    assert_eq!(flights.join("a", Normal), leads(2));
}

#[test]
fn a_call_follows_a_leader_of_its_level_or_above_only() {
    let flights = Flights::new();
    let joined = [Low, Bulk, Low, High, Critical, Normal, Bulk].map(|level| flights.join("a", level));
    let expected = [leads(1), follows(2), follows(3), leads(4), leads(5), follows(6), follows(7)];
    assert_eq!(joined, expected);
    assert_eq!((flights.land(5), flights.land(4), flights.land(1)), (vec![], vec![6], vec![2, 3, 7]));
}

#[test]
fn the_first_follower_of_a_cancelled_leader_leads() {
    let flights = Flights::new();
    for _ in 1..=4 {
        let _ = flights.join("a", Normal);
    }
    assert_eq!(flights.leave(2), NOBODY);
    assert_eq!(flights.leave(1), [3]);
    assert_eq!(flights.join("a", Normal), follows(5));
    assert_eq!((flights.land(1), flights.land(3)), (vec![], vec![4, 5]));
    assert_eq!(flights.len(), 0);
}

#[test]
fn the_last_to_leave_leaves_nothing_behind() {
    let flights = Flights::new();
    for _ in 1..=3 {
        let _ = flights.join("a", Normal);
    }
    assert_eq!((flights.leave(1), flights.leave(3), flights.leave(2)), (vec![2], vec![], vec![]));
    assert_eq!((flights.len(), flights.join("a", Normal)), (0, leads(4)));
}

#[test]
fn a_follower_does_not_wait_for_a_new_leader_of_a_lower_level() {
    let flights = Flights::new();
    for level in [Critical, Bulk, High, Bulk, Normal] {
        let _ = flights.join("a", level);
    }
    // 2 leads at `bulk` and 4 stays with it; 3 leads at `high`, and 5 follows that.
    assert_eq!(flights.leave(1), [2, 3]);
    assert_eq!((flights.land(2), flights.land(3)), (vec![4], vec![5]));
}

#[test]
fn a_follower_that_joins_anew_follows_another_leader_if_it_may() {
    let flights = Flights::new();
    let joined = [Normal, Critical, Low, Normal].map(|level| flights.join("a", level));
    assert_eq!(joined, [leads(1), leads(2), follows(3), follows(4)]);
    assert_eq!(flights.leave(1), [3]);
    assert_eq!((flights.land(3), flights.land(2)), (vec![], vec![4]));
}

#[test]
fn tickets_that_have_ended_do_nothing() {
    let flights = Flights::new();
    let _ = (flights.join("a", Normal), flights.join("a", Normal));
    assert_eq!(flights.land(2), NOBODY, "a follower does not land");
    assert_eq!(flights.land(1), [2]);
    assert_eq!((flights.leave(1), flights.leave(2), flights.land(1), flights.leave(99)), Default::default());
}

#[cfg(unix)]
#[test]
fn nobody_in_a_child_follows_a_leader_of_the_parent() {
    use super::super::forked::in_a_child;
    let flights = Flights::new();
    let _ = (flights.join("a", Normal), flights.join("a", Normal));
    let child = in_a_child(|| {
        assert_eq!(flights.join("a", Normal), leads(3));
        assert_eq!(flights.join("a", Normal), follows(4));
        // The thread that forked is there and may have led, or followed one that is gone.
        assert_eq!(flights.leave(1), [2]);
        // Its heir's is not.
        assert_eq!(flights.join("a", Normal), follows(5));
        assert_eq!((flights.land(3), flights.land(2), flights.len()), (vec![4, 5], vec![], 0));
    });
    assert_eq!(child, Ok(()));
    assert_eq!(flights.land(1), [2]);
}

#[cfg(unix)]
#[test]
fn nobody_in_a_child_follows_one_of_the_parent_that_joins_anew() {
    use super::super::forked::in_a_child;
    let flights = Flights::new();
    let joined = [Critical, Bulk, High].map(|level| flights.join("a", level));
    assert_eq!(joined, [leads(1), follows(2), follows(3)]);
    let child = in_a_child(|| {
        assert_eq!(flights.leave(1), [2, 3]);
        assert_eq!([Bulk, High].map(|level| flights.join("a", level)), [leads(4), leads(5)]);
        assert_eq!(flights.join("a", Bulk), follows(6));
    });
    assert_eq!(child, Ok(()));
}

// ---- against a model ----

#[derive(Clone, Debug)]
enum Step {
    Join { key: u8, level: usize },
    Land(usize),
    Leave(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (0u8..2, 0usize..5).prop_map(|(key, level)| Step::Join { key, level }),
        1 => (0usize..30).prop_map(Step::Land),
        3 => (0usize..30).prop_map(Step::Leave),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Call {
    key: u8,
    level: Priority,
    /// Whom it follows, and when its leader began, by which leaders are found.
    follows: Option<Ticket>,
    began: u64,
}

#[derive(Default)]
struct Model {
    calls: BTreeMap<Ticket, Call>,
    last: Ticket,
    began: u64,
}

impl Model {
    fn leader_for(&self, key: u8, level: Priority) -> Option<Ticket> {
        let leaders = self.calls.iter().filter(|(_, call)| call.follows.is_none());
        let fit = leaders.filter(|(_, call)| call.key == key && call.level >= level);
        fit.min_by_key(|(_, call)| call.began).map(|(ticket, _)| *ticket)
    }

    /// Whether it leads.
    fn seat(&mut self, ticket: Ticket, key: u8, level: Priority) -> bool {
        let follows = self.leader_for(key, level);
        self.began += 1;
        self.calls.insert(ticket, Call { key, level, follows, began: self.began });
        follows.is_none()
    }

    fn followers(&self, leader: Ticket) -> Vec<Ticket> {
        let all = self.calls.iter().filter(|(_, call)| call.follows == Some(leader));
        all.map(|(ticket, _)| *ticket).collect()
    }

    fn leads(&self, ticket: Ticket) -> bool {
        self.calls.get(&ticket).is_some_and(|call| call.follows.is_none())
    }

    fn land(&mut self, ticket: Ticket) -> Vec<Ticket> {
        if !self.leads(ticket) {
            return Vec::new();
        }
        let followers = self.followers(ticket);
        self.calls.retain(|known, _| *known != ticket && !followers.contains(known));
        followers
    }

    fn leave(&mut self, ticket: Ticket) -> Vec<Ticket> {
        let followers = self.followers(ticket);
        let Some(gone) = self.calls.remove(&ticket) else { return Vec::new() };
        let Some((first, others)) = followers.split_first() else { return Vec::new() };
        let heir = self.calls.get_mut(first).expect("it follows");
        (heir.follows, heir.began) = (None, gone.began);
        let level = heir.level;
        let calls: Vec<(Ticket, Call)> = others.iter().map(|ticket| (*ticket, self.calls[ticket])).collect();
        let (above, stay): (Vec<_>, Vec<_>) = calls.into_iter().partition(|(_, call)| call.level > level);
        for (ticket, call) in stay {
            self.calls.insert(ticket, Call { follows: Some(*first), ..call });
        }
        let mut leading = vec![*first];
        for (ticket, call) in above {
            if self.seat(ticket, call.key, call.level) {
                leading.push(ticket);
            }
        }
        leading
    }

    /// Nobody waits for who does not lead, or matters less.
    fn is_sound(&self) -> bool {
        self.calls.values().all(|call| {
            call.follows.is_none_or(|leader| self.leads(leader) && self.calls[&leader].level >= call.level)
        })
    }
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn flights_do_what_the_model_does(steps in vec(step(), 1..100)) {
        let (flights, mut model) = (Flights::new(), Model::default());
        for step in steps {
            let ticket = |n: usize| model.calls.keys().nth(n % model.calls.len().max(1)).copied().unwrap_or(0);
            match step {
                Step::Join { key, level } => {
                    let level = Priority::ALL[level];
                    model.last += 1;
                    let role = if model.seat(model.last, key, level) { Role::Lead } else { Role::Follow };
                    let expected = Joined { ticket: model.last, role };
                    prop_assert_eq!(flights.join(&key.to_string(), level), expected);
                }
                Step::Land(n) => {
                    let ticket = ticket(n);
                    prop_assert_eq!(flights.land(ticket), model.land(ticket));
                }
                Step::Leave(n) => {
                    let ticket = ticket(n);
                    prop_assert_eq!(flights.leave(ticket), model.leave(ticket));
                }
            }
            prop_assert!(model.is_sound());
            prop_assert_eq!(flights.len(), model.calls.len());
        }
        let left: Vec<_> = model.calls.keys().copied().collect();
        left.into_iter().for_each(|ticket| _ = flights.leave(ticket));
        prop_assert_eq!((flights.len(), flights.keys()), (0, 0));
    }
}
