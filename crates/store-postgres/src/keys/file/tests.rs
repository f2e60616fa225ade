use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt as _, symlink},
    time::Duration,
};

use super::*;

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F";

fn written(folder: &Path, text: &[u8], mode: u32) -> KeySource {
    let path = folder.join("key");
    if path.exists() {
        fs::remove_file(&path).unwrap();
    }
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    KeySource::File(path)
}

fn fault(source: &KeySource) -> KeyFileError {
    MasterKey::read(source, None).unwrap_err()
}

#[test]
fn a_key_file_holds_64_digits_with_or_without_a_line_feed() {
    let folder = tempfile::tempdir().unwrap();
    for end in ["", "\n"] {
        let source = written(folder.path(), format!("{KEY}{end}").as_bytes(), 0o400);
        let key = MasterKey::read(&source, None).unwrap();
        assert_eq!(key.reveal(), &std::array::from_fn(|at| u8::try_from(at).unwrap()));
    }
}

#[test]
fn a_key_file_of_every_other_mode_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let source = written(folder.path(), KEY.as_bytes(), 0o400);
    let KeySource::File(path) = &source else { panic!("{source:?}") };
    let held = |mode| Held { mode, owner: 1000 };
    for mode in 0..=0o7777 {
        let judged = held(mode).private(&source, path, 1000);
        match mode {
            0o400 => judged.unwrap(),
            _ => {
                assert!(matches!(judged, Err(KeyFileError::Mode { mode: m, .. }) if m == mode), "{mode:04o}");
            }
        }
    }
    // The mode is the one of the file that was opened. One that its owner cannot read is refused before that, by the
    // operating system, unless we are root.
    for mode in [0o600, 0o440, 0o404, 0o420, 0o402, 0o644, 0o777, 0o500, 0o4400] {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        let fault = fault(&source);
        assert!(matches!(fault, KeyFileError::Mode { mode: m, .. } if m == mode), "{fault}");
        assert!(fault.to_string().ends_with(&format!("run: chmod 0400 {}", path.display())), "{fault}");
    }
}

#[test]
fn a_key_file_belongs_to_root_or_to_us() {
    let source = KeySource::File("k".into());
    let judged = |owner, user| Held { mode: 0o400, owner }.private(&source, Path::new("k"), user);
    judged(1000, 1000).unwrap();
    judged(0, 1000).unwrap();
    judged(0, 0).unwrap();
    for (owner, user) in [(1001, 1000), (1000, 0)] {
        let fault = judged(owner, user).unwrap_err();
        assert_eq!(fault.to_string(), format!("key file k belongs to user {owner}; run: chown {user} k"));
    }
}

#[test]
fn a_credential_of_root_may_be_read_by_an_access_list() {
    let credential = KeySource::Credential("k".into());
    let judged = |source, mode, owner, user| Held { mode, owner }.private(source, Path::new("k"), user);
    judged(&credential, 0o440, 0, 1000).unwrap();
    judged(&credential, 0o400, 1000, 1000).unwrap();
    let file = KeySource::File("k".into());
    for (source, mode, owner, user) in [
        (&file, 0o440, 0, 1000),
        (&credential, 0o440, 0, 0),
        (&credential, 0o440, 1000, 1000),
        (&credential, 0o444, 0, 1000),
        (&credential, 0o640, 0, 1000),
    ] {
        assert!(
            matches!(judged(source, mode, owner, user), Err(KeyFileError::Mode { .. })),
            "{source:?} {mode:04o} {owner} {user}"
        );
    }
}

#[test]
fn a_key_file_of_another_length_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let long = format!("{KEY}{KEY}\n");
    for text in ["", "\n", &KEY[1..], &KEY[..62], &format!("{KEY}\n\n"), &format!("{KEY}0"), &long] {
        let fault = fault(&written(folder.path(), text.as_bytes(), 0o400));
        assert!(
            matches!(fault, KeyFileError::Length { bytes, .. } if bytes == text.len() as u64),
            "{text:?}: {fault}"
        );
    }
    // 32 bytes as they are.
    assert!(matches!(
        fault(&written(folder.path(), &[0xff; 32], 0o400)),
        KeyFileError::Length { bytes: 32, .. }
    ));
}

#[test]
fn a_character_that_is_no_digit_is_named_by_its_place() {
    let folder = tempfile::tempdir().unwrap();
    for place in 1..=DIGITS {
        for wrong in [b'g', b' ', b'\n', 0, 0xc3] {
            let mut text = KEY.as_bytes().to_vec();
            text[place - 1] = wrong;
            // A line feed at the end is none of the digits.
            text.push(b'\n');
            let fault = fault(&written(folder.path(), &text, 0o400));
            assert!(matches!(fault, KeyFileError::NotHexadecimal { place: p, .. } if p == place), "{fault}");
        }
    }
}

#[test]
fn what_is_no_regular_file_is_refused_without_waiting_for_it() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(fault(&KeySource::File(folder.path().to_owned())), KeyFileError::NotAFile { .. }));
    let missing = KeySource::File(folder.path().join("nowhere"));
    let said = fault(&missing).to_string();
    assert!(said.contains("accounts new-key") && said.contains("nowhere"), "{said}");
    let below_a_file = written(folder.path(), KEY.as_bytes(), 0o400).path(None).unwrap().join("key");
    assert!(matches!(fault(&KeySource::File(below_a_file)), KeyFileError::Unreadable { .. }));
    let link = folder.path().join("link");
    symlink(folder.path().join("key"), &link).unwrap();
    assert!(matches!(fault(&KeySource::File(link)), KeyFileError::Link { .. }));
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg("-m").arg("0400").arg(&pipe).status().unwrap();
    assert!(made.success());
    let (answer, answered) = std::sync::mpsc::channel();
    std::thread::spawn(move || answer.send(fault(&KeySource::File(pipe))));
    let fault = answered.recv_timeout(Duration::from_secs(20)).expect("opening a pipe does not wait");
    assert!(matches!(fault, KeyFileError::NotAFile { .. }), "{fault}");
}

#[test]
fn a_credential_is_found_in_the_folder_of_credentials_alone() {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), KEY.as_bytes(), 0o400);
    let credential = |name: &str| KeySource::Credential(name.to_owned());
    MasterKey::read(&credential("key"), Some(folder.path())).unwrap();
    for (name, folder) in [("key", None), ("other", Some(folder.path()))] {
        let fault = MasterKey::read(&credential(name), folder).unwrap_err();
        assert!(fault.to_string().contains(&format!("LoadCredential={name}:")), "{fault}");
    }
    for name in ["", ".", "..", "../key", "/etc/key", "a/b", "a\0"] {
        let fault = MasterKey::read(&credential(name), Some(folder.path())).unwrap_err();
        assert!(matches!(fault, KeyFileError::CredentialName { .. }), "{fault}");
    }
}

#[test]
fn a_new_key_file_can_be_read_and_is_never_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let made = MasterKey::generate(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o400);
    let before = fs::read(&path).unwrap();
    assert_eq!((before.len(), before.last()), (65, Some(&b'\n')));
    let read = MasterKey::read(&KeySource::File(path.clone()), None).unwrap();
    assert_eq!((read.id(), read.reveal()), (made.id(), made.reveal()));
    assert!(matches!(MasterKey::generate(&path), Err(KeyFileError::Exists { .. })));
    assert_eq!(fs::read(&path).unwrap(), before);
    let other = MasterKey::generate(&folder.path().join("other")).unwrap();
    assert_ne!(other.reveal(), made.reveal());
    // Not even where a link leads to.
    let link = folder.path().join("link");
    symlink(folder.path().join("nowhere"), &link).unwrap();
    assert!(matches!(MasterKey::generate(&link), Err(KeyFileError::Exists { .. })));
    assert!(!folder.path().join("nowhere").exists());
    let nowhere = folder.path().join("no folder").join("key");
    assert!(matches!(MasterKey::generate(&nowhere), Err(KeyFileError::Unwritable { .. })));
}

#[test]
fn nothing_shows_what_is_in_a_key_file() {
    let folder = tempfile::tempdir().unwrap();
    let key = MasterKey::read(&written(folder.path(), KEY.as_bytes(), 0o400), None).unwrap();
    let mut shown = format!("{key:?} {}", key.id());
    for (text, mode) in [(KEY.to_owned(), 0o600), (KEY.replace('f', "x"), 0o400), (KEY.repeat(2), 0o400)] {
        let fault = fault(&written(folder.path(), text.as_bytes(), mode));
        shown += &format!("{fault} {fault:?}");
    }
    for part in [&KEY[..16], &KEY[48..], "[0, 1, 2"] {
        assert!(!shown.to_lowercase().contains(&part.to_lowercase()), "{shown}");
    }
}
