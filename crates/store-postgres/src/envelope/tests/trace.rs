//! What a login leaves behind in the memory of the process, which is what a core file would show.

use std::{
    fs::{self, File},
    os::unix::fs::FileExt as _,
};

use tokio::sync::Mutex;

use super::*;

/// Held by the one that looks: it reads what the other one holds, too.
static LOOKING: Mutex<()> = Mutex::const_new(());

/// A random text of letters, kept with every bit turned over so that looking for it does not find this.
struct Needle([u8; 20]);

impl Needle {
    fn new() -> Self {
        let mut bytes = [0; 20];
        getrandom::fill(&mut bytes).unwrap();
        Self(bytes.map(|byte| !(b'a' + byte % 26)))
    }

    /// A secret that holds it, behind as many bytes as the allocator overwrites when memory is given back.
    fn secret(&self) -> Zeroizing<Vec<u8>> {
        let mut secret = Zeroizing::new(Vec::with_capacity(16 + self.0.len() + 1));
        secret.extend([b'-'; 16]);
        secret.extend(self.0.iter().map(|byte| !byte));
        secret
    }

    fn password(&self) -> Password {
        Password::new(String::from_utf8(mem::take(&mut *self.secret())).unwrap())
    }

    /// In how many places of the memory that this process writes it stands.
    fn found(&self) -> usize {
        let memory = File::open("/proc/self/mem").unwrap();
        let mut part = vec![0; 1 << 20];
        let own = part.as_ptr() as usize as u64..part.as_ptr() as usize as u64 + part.len() as u64;
        let mut found = 0;
        for (mut at, end) in written() {
            while end - at >= self.0.len() as u64 {
                let length = usize::try_from(end - at).unwrap().min(part.len());
                // A part that another thread gave back meanwhile holds nothing.
                if memory.read_exact_at(&mut part[..length], at).is_err() {
                    break;
                }
                found += self.places(&part[..length]).filter(|place| !own.contains(&(at + place))).count();
                at += (length - self.0.len() + 1) as u64;
            }
        }
        part.fill(0);
        found
    }

    fn places(&self, part: &[u8]) -> impl Iterator<Item = u64> {
        let starts = part.iter().enumerate().filter(|(_, byte)| **byte == !self.0[0]);
        let whole = |(at, _)| {
            let here: &[u8] = part.get(at..at + self.0.len())?;
            here.iter().zip(&self.0).all(|(byte, turned)| *byte == !turned).then_some(at as u64)
        };
        starts.filter_map(whole)
    }
}

/// Where this process may write, from and to.
fn written() -> Vec<(u64, u64)> {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let address = |digits| u64::from_str_radix(digits, 16).unwrap();
    maps.lines()
        .filter_map(|line| line.split_once(" rw"))
        .map(|(range, _)| range.split_once('-').unwrap())
        .map(|(from, to)| (address(from), address(to)))
        .collect()
}

/// A row of which the whole hashed text is one block of BLAKE3, so that a copy of the block shows the secret in one piece.
fn row() -> Row {
    Row { server: TradeServer::new("S").unwrap(), ..Row::new() }
}

#[tokio::test]
async fn log_1_a_password_is_in_memory_only_during_the_login() {
    let _alone = LOOKING.lock().await;
    let (kms, row, needle) = (kms(1, Some(2)), row(), Needle::new());
    let refusals = RefusalKey::random().unwrap();
    let password = needle.password();
    assert_eq!(needle.found(), 1);
    let sealed = seal(&kms, &row.identity(), &password).await.unwrap();
    drop(password);
    assert_eq!(needle.found(), 0, "after it was sealed");
    let sealed = rewrap(&kms, &row.identity(), &sealed).await.unwrap();
    assert_eq!(needle.found(), 0, "after a rotation");
    let password = open(&kms, &row.identity(), &sealed).await.unwrap();
    assert_eq!(needle.found(), 1);
    drop(password);
    assert_eq!(needle.found(), 0, "after it was opened");
    let password = needle.password();
    let hash = refusals.hash(row.login, &row.server, &password);
    drop(password);
    assert_eq!(needle.found(), 0, "after it was compared by {hash:?}");
}

#[tokio::test]
async fn a_secret_that_is_no_text_is_not_left_in_memory() {
    let _alone = LOOKING.lock().await;
    let (kms, row, needle) = (kms(1, None), row(), Needle::new());
    let mut secret = needle.secret();
    secret.push(0xff);
    let sealed = close(&kms, (&row.identity()).into(), &secret).await.unwrap();
    assert_eq!(needle.found(), 1);
    drop(secret);
    assert_eq!(fault(&kms, &row, &sealed).await, EnvelopeError::Misfit("text"));
    assert_eq!(needle.found(), 0);
}
