//! Passwords and tokens, compared without a word about how wrong they are.
//!
//! bcrypt takes 50 to 300 ms of a core for one look, by intent. So a password that was right once is known again by its
//! keyed hash, looks go to threads of their own, and only some at a time: who tries passwords slows others who try, and
//! nobody else.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ring::{hmac, rand};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::config::PasswordHash;

/// The longest wait for a turn.
const WAIT: Duration = Duration::from_secs(3);
/// Wrong passwords that are known again: a sender that was set up wrong tries the same one for ever.
const WRONG_MAX: usize = 128;
/// Of the cores, one of so many looks at passwords, and at least one does.
const CORES_PER_LOOK: usize = 4;

/// So many passwords wait for a look that this one was not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Busy;

/// Users by name.
pub(super) type Users = BTreeMap<String, PasswordHash>;

/// Looks at passwords, and knows those again that it has seen.
pub(super) struct Passwords {
    /// Of this process; what it makes of a password is of no use elsewhere.
    key: hmac::Key,
    turns: Arc<Semaphore>,
    wait: Duration,
    seen: Mutex<Seen>,
}

/// Keyed hashes of a user, the password's hash and a password.
#[derive(Default)]
struct Seen {
    /// One for each user: the last one that was right.
    right: HashMap<String, hmac::Tag>,
    wrong: VecDeque<hmac::Tag>,
}

impl Passwords {
    pub(super) fn new() -> Result<Self, ring::error::Unspecified> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &rand::SystemRandom::new())?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let turns = Arc::new(Semaphore::new((cores / CORES_PER_LOOK).max(1)));
        Ok(Self { key, turns, wait: WAIT, seen: Mutex::default() })
    }

    /// What is kept of a token.
    pub(super) fn tag(&self, token: &[u8]) -> hmac::Tag {
        hmac::sign(&self.key, token)
    }

    /// Whether a token is one of those; each is compared, in full.
    pub(super) fn is_one(&self, token: &[u8], tags: &[hmac::Tag]) -> bool {
        tags.iter().fold(false, |any, tag| hmac::verify(&self.key, token, tag.as_ref()).is_ok() | any)
    }

    /// Whether it is the user's password. A user that doesn't exist takes as long as one that does.
    pub(super) async fn verify(&self, users: &Users, user: &str, password: &[u8]) -> Result<bool, Busy> {
        let hash = users.get(user).map_or_else(|| decoy(users), |hash| hash.expose().to_owned());
        let message = [&user.len().to_be_bytes(), user.as_bytes(), hash.as_bytes(), password].concat();
        if let Some(known) = self.known(user, &message) {
            return Ok(known);
        }
        let turn = timeout(self.wait, Arc::clone(&self.turns).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else { return Err(Busy) };
        // Others with the same password may have waited in front.
        if let Some(known) = self.known(user, &message) {
            return Ok(known);
        }
        let exists = users.contains_key(user);
        let password = password.to_owned();
        let looked = tokio::task::spawn_blocking(move || {
            let right = bcrypt::verify(&password, &hash).unwrap_or(false);
            // Taken along, for the look goes on where the client has gone.
            drop(turn);
            right
        });
        let right = looked.await.unwrap_or(false) && exists;
        let tag = self.tag(&message);
        let mut seen = self.seen();
        if right {
            seen.right.retain(|user, _| users.contains_key(user));
            seen.right.insert(user.to_owned(), tag);
        } else {
            seen.wrong.truncate(WRONG_MAX - 1);
            seen.wrong.push_front(tag);
        }
        Ok(right)
    }

    fn known(&self, user: &str, message: &[u8]) -> Option<bool> {
        let is = |tag: &hmac::Tag| hmac::verify(&self.key, message, tag.as_ref()).is_ok();
        let tag = self.tag(message);
        let seen = self.seen();
        if seen.right.get(user).is_some_and(is) {
            return Some(true);
        }
        seen.wrong.iter().any(|wrong| wrong.as_ref() == tag.as_ref()).then_some(false)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        // What is behind it is whole at any time.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passwords").finish_non_exhaustive()
    }
}

/// The hash of nobody's password, as dear as the dearest of the users'.
fn decoy(users: &Users) -> String {
    let cost = users.values().map(PasswordHash::cost).max().unwrap_or(10);
    format!("$2b${cost:02}${}", ".".repeat(53))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{Source, Web};

    fn users(cost: u32) -> Users {
        let hash = |password: &str| bcrypt::hash(password, cost).unwrap();
        let text = format!("basic_auth_users: {{ann: {}, bob: {}}}", hash("a"), hash("b"));
        Web::parse(Source { file: Path::new("web.yml"), text: &text }).unwrap().basic_auth_users
    }

    #[tokio::test]
    async fn a_password_is_right_for_its_user_only() {
        let (passwords, users) = (Passwords::new().unwrap(), users(4));
        for round in 0..2 {
            for (user, password, right) in
                [("ann", "a", true), ("ann", "b", false), ("bob", "b", true), ("eve", "a", false), ("", "", false)]
            {
                let verified = passwords.verify(&users, user, password.as_bytes()).await;
                assert_eq!(verified, Ok(right), "{user} in round {round}");
            }
        }
        let seen = passwords.seen();
        assert_eq!((seen.right.len(), seen.wrong.len()), (2, 3), "the second round knew all of the first");
    }

    #[tokio::test]
    async fn a_password_that_was_changed_is_not_known_any_more() {
        let passwords = Passwords::new().unwrap();
        assert_eq!(passwords.verify(&users(4), "ann", b"a").await, Ok(true));
        let changed = Web::parse(Source {
            file: Path::new("web.yml"),
            text: &format!("basic_auth_users: {{ann: {}}}", bcrypt::hash("new", 4).unwrap()),
        });
        let changed = changed.unwrap().basic_auth_users;
        assert_eq!(passwords.verify(&changed, "ann", b"a").await, Ok(false));
        assert_eq!(passwords.verify(&changed, "ann", b"new").await, Ok(true));
    }

    #[tokio::test]
    async fn what_is_remembered_has_an_end() {
        let (passwords, users) = (Passwords::new().unwrap(), users(4));
        for tried in 0..WRONG_MAX + 5 {
            assert_eq!(passwords.verify(&users, "ann", tried.to_string().as_bytes()).await, Ok(false));
        }
        assert_eq!(passwords.seen().wrong.len(), WRONG_MAX);
    }

    #[test]
    fn a_decoy_is_a_hash_of_the_same_cost_and_nobodys() {
        let decoy = decoy(&users(5));
        assert_eq!(decoy.parse::<bcrypt::HashParts>().unwrap().get_cost(), 5);
        assert!(!bcrypt::verify("", &decoy).unwrap());
    }

    #[tokio::test]
    async fn who_tries_many_passwords_waits_and_is_told_so() {
        let passwords = Passwords { wait: Duration::from_millis(20), ..Passwords::new().unwrap() };
        let users = users(4);
        let all = u32::try_from(passwords.turns.available_permits()).unwrap();
        let taken = passwords.turns.acquire_many(all).await.unwrap();
        assert_eq!(passwords.verify(&users, "ann", b"a").await, Err(Busy));
        drop(taken);
        assert_eq!(passwords.verify(&users, "ann", b"a").await, Ok(true));
    }
}
