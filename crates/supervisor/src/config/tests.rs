use std::{os::unix::fs::PermissionsExt as _, path::PathBuf};

use proptest::prelude::*;
use warden_domain::{Desired, Login, Span};

use super::*;
use crate::InstanceSpec;

mod trading;

const NEEDED: &str = "[supervisor]\ndata_folder = \"d\"\n[accounts]\nfile = \"a\"\n";

fn parse(text: &str) -> Result<Config, Faults> {
    Config::parse(Path::new("w.toml"), text)
}

fn told(text: &str) -> Vec<String> {
    match parse(text) {
        Ok(_) => Vec::new(),
        Err(faults) => faults.to_string().lines().map(str::to_owned).collect(),
    }
}

/// What is added to the least configuration, and the one fault it makes.
const CASES: &[(&str, &str)] = &[
    ("[supervisr]\n", "w.toml:5: supervisr: is unknown; did you mean [supervisor]?"),
    ("[listen]\ngateway = \"127.0.0.1:1\"\n", "w.toml:6: listen.gateway: is unknown; did you mean gateways?"),
    ("[listen]\ncolour = 1\n", "w.toml:6: listen.colour: is unknown; remove it"),
    ("listen = 3\n", "w.toml:5: accounts.listen: is unknown; remove it"),
    ("[listen]\ngateways = 7401\n", "w.toml:6: listen.gateways: is a number; give a text in quotation marks"),
    ("[listen]\nheartbeat = 5\n", "w.toml:6: listen.heartbeat: 5 has no unit; write it like \"30s\""),
    (
        "[listen]\nheartbeat = \"5\"\n",
        "w.toml:6: listen.heartbeat: \"5\" has no unit; write it like 30s, 5m or 250ms",
    ),
    (
        "[listen]\nheartbeat = \"0s\"\n",
        "w.toml:6: listen.heartbeat: is zero; give a span longer than nothing",
    ),
    (
        "[listen]\nheartbeat = \"-5s\"\n",
        "w.toml:6: listen.heartbeat: \"-5s\" is negative; give a span of zero or more",
    ),
    (
        "[listen]\nheartbeat = \"9000h\"\n",
        "w.toml:6: listen.heartbeat: \"9000h\" is longer than a year; give a shorter span",
    ),
    (
        "[listen]\nheartbeat = \"99999999999999999999h\"\n",
        "w.toml:6: listen.heartbeat: \"99999999999999999999h\" is not a span of time; write it like 30s, 5m or 250ms",
    ),
    (
        "[listen]\nheartbeat = true\n",
        "w.toml:6: listen.heartbeat: is true or false; give a span such as \"30s\"",
    ),
    (
        "[listen]\nheartbeat = \"20s\"\n",
        "w.toml:6: listen.heartbeat: closes every session: heartbeat_timeout 15s is not longer than heartbeat 20s; make it about three times as long",
    ),
    (
        "[listen]\ngateways = \"0.0.0.0:7401\"\n",
        "w.toml:6: listen.gateways: 0.0.0.0:7401 is beyond loopback, where TLS is required and not offered yet; listen on 127.0.0.1 and bring gateways of other machines in through a TLS tunnel",
    ),
    (
        "[listen]\nmetrics = \"0.0.0.0:9464\"\n",
        "w.toml:6: listen.metrics: 0.0.0.0:9464 is beyond loopback, and metrics name instances; listen on 127.0.0.1 and let an agent on this machine scrape",
    ),
    ("[listen]\nmetrics = 9464\n", "w.toml:6: listen.metrics: is a number; give a text in quotation marks"),
    (
        "[listen]\ngateways = \"here\"\n",
        "w.toml:6: listen.gateways: \"here\" is no address and port; write it like \"127.0.0.1:7401\"",
    ),
    ("[journal]\nqueue = 1\n", "w.toml:6: journal.queue: 1 is out of range; give 256 to 16777216"),
    ("[journal]\nqueue = -1\n", "w.toml:6: journal.queue: -1 is out of range; give 256 to 16777216"),
    (
        "[journal]\nqueue = 99999999999999999999999\n",
        "w.toml:6: journal.queue: 99999999999999999999999 is out of range; give 256 to 16777216",
    ),
    ("[journal]\nlinger = \"2s\"\n", "w.toml:6: journal.linger: 2s is out of range; give 0s to 100ms"),
    (
        "[journal]\nqueue = 300.5\n",
        "w.toml:6: journal.queue: is a number with a fraction; give a whole number",
    ),
    (
        "[redis]\ncluster = true\n",
        "w.toml:5: redis.url: is missing in [redis]; give it, or remove the section to keep hot state in memory",
    ),
    (
        "[redis]\nurl = \"redis://h:1\"\ncluster = \"no\"\n",
        "w.toml:7: redis.cluster: is a text; give true or false",
    ),
    (
        "[redis]\nurl = \"h:1\"\n",
        "w.toml:6: redis.url: is no redis:// address; write it like \"redis://127.0.0.1:6379\"",
    ),
    (
        "[redis]\nurl = \"redis://:hunter2@h:1\"\n",
        "w.toml:6: redis.url: holds a user or a password; move them to the file that redis.auth_file names",
    ),
    (
        "[redis]\nurl = \"redis-cluster://h:1\"\n",
        "w.toml:6: redis.url: names a cluster; set redis.cluster = true",
    ),
    (
        "[redis]\nurl = \"redis://h:1\"\npassword = \"hunter2\"\n",
        "w.toml:7: redis.password: is a secret and others may read this file; move it to the accounts file",
    ),
    (
        "[policy.login]\napi_token = \"hunter2\"\n",
        "w.toml:6: policy.login.api_token: is a secret and others may read this file; move it to the accounts file",
    ),
    (
        "[history]\nurl = \"http://me:hunter2@h\"\n",
        "w.toml:6: history.url: holds a user, a password or settings; move user and password to the file that history.auth_file names",
    ),
    (
        "[history]\ndatabase = \"w\"\n",
        "w.toml:6: history.database: needs history.url; give it, or remove the key to keep the history in the data folder",
    ),
    ("[history]\nrows = 10\n", "w.toml:6: history.rows: 10 is out of range; give 1000 to 100000"),
    ("[instance]\nid = \"a\"\n", "w.toml:5: instance: is a table; write each instance as [[instance]]"),
    ("[[instance]]\n", "w.toml:5: instance.id: is missing; name the instance"),
    ("[[instance]]\nid = \"a b\"\n", "w.toml:6: instance.id: instance id holds the character ' '; remove it"),
    (
        "[[instance]]\nid = \"a\"\n[[instance]]\nid = \"a\"\n",
        "w.toml:8: instance.id: a is on line 6 already; remove one of them",
    ),
    (
        "[[instance]]\nid = \"a\"\ndesired = \"running\"\n",
        "w.toml:7: instance.desired: \"running\" is not known; give RUNNING or STOPPED",
    ),
    (
        "[[instance]]\nid = \"a\"\nsecret = 1\n",
        "w.toml:7: instance.secret: is a secret and others may read this file; move it to the accounts file",
    ),
    ("[policy.login]\nattempts = 0\n", "w.toml:6: policy.login.attempts: 0 is out of range; give 1 to 255"),
    ("[policy.login]\nattempts = 3\n", "" /* alert_after 3 still fits */),
    (
        "[policy.login]\nattempts = 2\n",
        "w.toml:6: policy.login.alert_after: is more than login.attempts; people would never be told",
    ),
    (
        "[policy.login]\nattemps = 2\n",
        "w.toml:6: policy.login.attemps: is not a known key; remove it or correct its spelling; did you mean policy.login.attempts?",
    ),
    (
        "[policy.broker.down]\nreconnect_after = 30\n",
        "w.toml:6: policy.broker.down.reconnect_after: is a number; give a span such as \"30s\"",
    ),
    (
        "[policy.broker.down]\nreconnect_after = { a = 1 }\n",
        "w.toml:6: policy.broker.down.reconnect_after: is a table; give a span such as \"30s\"",
    ),
    (
        "[policy]\nbroker = 3\n",
        "w.toml:6: policy.broker: holds further keys; write it as a section: [policy.broker]",
    ),
    ("[policy.brokers]\n", "w.toml:5: policy.brokers: is not a known key; remove it or correct its spelling"),
    (
        "[policy.login]\nwaits = [\"5s\", 10]\n",
        "w.toml:6: policy.login.waits: is a number; give a span such as \"30s\"",
    ),
    ("[policy.login]\nwaits = []\n", "w.toml:6: policy.login.waits: takes one to eight spans"),
    (
        "[policy.login]\nattempts = 99999999999999999999\n",
        "w.toml:6: policy.login.attempts: is a number beyond 64 bits; give a whole number",
    ),
];

#[test]
fn each_fault_is_told_with_file_line_key_and_remedy() {
    for (added, wanted) in CASES {
        let wanted: Vec<&str> = if wanted.is_empty() { vec![] } else { vec![*wanted] };
        assert_eq!(told(&format!("{NEEDED}{added}")), wanted, "{added}");
    }
}

#[test]
fn faults_of_the_supervisor_section_are_told() {
    let long = "x".repeat(100);
    let cases = [
        ("name = \"a b\"", "w.toml:3: supervisor.name: holds the character ' '; remove it".to_owned()),
        ("shards = 65", "w.toml:3: supervisor.shards: 65 is out of range; give 1 to 64".to_owned()),
        ("batch = 0", "w.toml:3: supervisor.batch: 0 is out of range; give 1 to 65536".to_owned()),
        ("log = \"loud\"", "w.toml:3: supervisor.log: \"loud\" is no level or target=level; the levels are off, error, warn, info, debug, trace".to_owned()),
        ("control = \"\"", "w.toml:3: supervisor.control: is empty; give it a text, or remove the key".to_owned()),
        (&format!("control = \"{long}\""), "w.toml:3: supervisor.control: is longer than 80 bytes, too long for a socket; give a shorter path".to_owned()),
        ("lease_renew = \"10s\"", "w.toml:3: supervisor.lease_renew: leaves no second try: lease_ttl 15s is less than twice lease_renew 10s; lengthen lease_ttl or shorten lease_renew".to_owned()),
    ];
    for (line, wanted) in cases {
        let text = format!("[supervisor]\ndata_folder = \"d\"\n{line}\n[accounts]\nfile = \"a\"\n");
        assert_eq!(told(&text), [wanted], "{line}");
    }
}

#[test]
fn faults_of_the_accounts_section_are_told() {
    let cases = [
        (
            "file = \"a\"\nkey_file = \"k\"",
            "w.toml:5: accounts.key_file: is for a database, and accounts.file keeps the accounts in memory; remove one of them",
        ),
        (
            "url = \"postgres://w@127.0.0.1/w\"",
            "w.toml: accounts.key_file: is missing; make a key with `warden-supervisor accounts new-key FILE` and name it",
        ),
        (
            "url = \"postgres://w:hunter2@127.0.0.1/w\"",
            "w.toml:4: accounts.url: holds a password; move it to the file that accounts.auth_file names",
        ),
        (
            "url = \"postgres://w@db.example/w\"",
            "w.toml:4: accounts.url: is beyond loopback without TLS; add ?sslmode=verify-full",
        ),
        (
            "url = \"sqlite:a\"\nauth_file = \"p\"",
            "w.toml:5: accounts.auth_file: is for PostgreSQL, and SQLite knows no users; remove it",
        ),
        (
            "key_file = \"credential:\"",
            "w.toml:4: accounts.key_file: names no systemd credential; write it like \"credential:warden-key\"",
        ),
    ];
    for (lines, wanted) in cases {
        let text = format!("[supervisor]\ndata_folder = \"d\"\n[accounts]\n{lines}\n");
        assert_eq!(told(&text), [wanted], "{lines}");
    }
}

#[test]
fn what_is_missing_is_told_unless_the_text_did_not_parse() {
    assert_eq!(
        told(""),
        ["w.toml: supervisor.data_folder: is missing; name the folder for journal and control socket",]
    );
    let broken = told("[supervisor]\nname = hunter2\n");
    assert_eq!(broken.len(), 1, "{broken:?}");
    assert!(broken[0].starts_with("w.toml:2: is not TOML: "), "{broken:?}");
    assert!(!broken[0].contains("hunter2"), "{broken:?}");
}

#[test]
fn a_key_given_twice_is_told_with_its_line() {
    let told = told("[supervisor]\ndata_folder = \"d\"\ndata_folder = \"e\"\n[accounts]\nfile = \"a\"\n");
    assert_eq!(told, ["w.toml:3: is not TOML: duplicate key; correct the line"]);
}

const TWELVE: &str = "\
[supervisor]
data_folder = \"data\"
shards = 0
colour = \"red\"

[listen]
gateways = \"0.0.0.0:7401\"
heartbeat = 5

[journal]
retention = \"-1h\"

[redis]
url = \"redis://127.0.0.1:6379\"
password = \"hunter2\"
cluster = \"yes\"

[accounts]
file = \"accounts.toml\"

[[instance]]
id = \"acct-1\"

[[instance]]
id = \"acct-1\"
desired = \"maybe\"

[policy.login]
attempts = 0

[policy.broker.down]
reconnect_after = \"30\"
reconect_after = \"30s\"
";

#[test]
fn twelve_faults_are_told_at_once_in_the_order_of_their_lines() {
    let wanted = "\
w.toml:3: supervisor.shards: 0 is out of range; give 1 to 64
w.toml:4: supervisor.colour: is unknown; remove it
w.toml:7: listen.gateways: 0.0.0.0:7401 is beyond loopback, where TLS is required and not offered yet; listen on 127.0.0.1 and bring gateways of other machines in through a TLS tunnel
w.toml:8: listen.heartbeat: 5 has no unit; write it like \"30s\"
w.toml:11: journal.retention: \"-1h\" is negative; give a span of zero or more
w.toml:15: redis.password: is a secret and others may read this file; move it to the accounts file
w.toml:16: redis.cluster: is a text; give true or false
w.toml:25: instance.id: acct-1 is on line 22 already; remove one of them
w.toml:26: instance.desired: \"maybe\" is not known; give RUNNING or STOPPED
w.toml:29: policy.login.attempts: 0 is out of range; give 1 to 255
w.toml:32: policy.broker.down.reconnect_after: \"30\" has no unit; write it like 30s, 5m or 250ms
w.toml:33: policy.broker.down.reconect_after: is not a known key; remove it or correct its spelling; did you mean policy.broker.down.reconnect_after?";
    let faults = parse(TWELVE).unwrap_err();
    assert_eq!(faults.to_string(), wanted);
    assert_eq!(faults.list().len(), 12);
    assert!(!format!("{faults:?}").contains("hunter2"));
}

#[test]
fn every_documented_default_is_the_default() {
    let least = parse(NEEDED).unwrap();
    let needs_more = |key: &&Key| {
        ["instance", "redis", "accounts"].contains(&key.section)
            || ["database", "timeout"].contains(&key.name)
    };
    for key in KEYS.iter().filter(|key| !needs_more(key)) {
        let Some(default) = key.default else { continue };
        let line = format!("{} = {default}\n", key.name);
        let text = if key.section == "supervisor" {
            format!("[supervisor]\n{line}data_folder = \"d\"\n[accounts]\nfile = \"a\"\n")
        } else {
            format!("{NEEDED}[{}]\n{line}", key.section)
        };
        assert_eq!(parse(&text).as_ref(), Ok(&least), "{} {}", key.section, key.name);
    }
    let redis = |more: &str| parse(&format!("{NEEDED}[redis]\nurl = \"redis://h:1\"\n{more}")).unwrap();
    assert_eq!(redis(""), redis("cluster = false\ntimeout = \"2s\"\n"));
    let accounts =
        |more: &str| parse(&format!("[supervisor]\ndata_folder = \"d\"\n[accounts]\n{more}")).unwrap();
    assert_eq!(
        accounts(""),
        accounts(
            "url = \"sqlite:d/accounts.db\"\nkey_file = \"d/accounts.key\"\ntimeout = \"5s\"\nconnections = 4\n"
        )
    );
    let history =
        |more: &str| parse(&format!("{NEEDED}[history]\nurl = \"http://[::1]:8123\"\n{more}")).unwrap();
    assert_eq!(history(""), history("database = \"warden\"\ntimeout = \"30s\"\n"));
}

#[test]
fn values_arrive_and_paths_count_from_the_folder_of_the_file() {
    let text = format!(
        "{NEEDED}[redis]\nurl = \"redis://h:1\"\ntimeout = \"1s\"\n[[instance]]\nid = \"a\"\ndesired = \"STOPPED\"\n\
         [policy.broker.down]\nreconnect_after = \"45s\"\n[policy.login]\nwaits = [\"1s\", \"2s\"]\n"
    );
    let config = Config::parse(Path::new("/etc/warden/w.toml"), &text).unwrap();
    assert_eq!(config.supervisor.data_folder, PathBuf::from("/etc/warden/d"));
    assert_eq!(config.supervisor.control, PathBuf::from("/etc/warden/d/control.sock"));
    assert_eq!(config.accounts, AccountsConfig::File(PathBuf::from("/etc/warden/a")));
    assert_eq!(config.instances[0].desired, Some(Desired::Stopped));
    assert_eq!(config.params.down.reconnect_after, Span::from_secs(45));
    assert_eq!(config.params.login.waits.after(9), Span::from_secs(2));
    assert_eq!(config.redis.unwrap().timeout, Span::from_secs(1));
}

#[test]
fn the_examples_have_no_fault() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/examples");
    let mut read = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        if path.ends_with("accounts.toml") {
            let private = tempfile::NamedTempFile::new().unwrap(); // made with mode 0600
            fs::write(private.path(), text).unwrap();
            assert_eq!(MemoryAccounts::from_file(private.path()).unwrap().instances().len(), 2);
        } else if let Err(faults) = Config::parse(&path, &text) {
            panic!("{faults}");
        }
        read += 1;
    }
    assert!(read >= 4, "{read} examples");
}

struct Files(tempfile::TempDir);

impl Files {
    fn new(config: &str, accounts: &str) -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        files.put("w.toml", config, 0o644);
        files.put("a", accounts, 0o600);
        files
    }

    fn put(&self, name: &str, text: &str, mode: u32) {
        let path = self.0.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }

    async fn load(&self) -> Result<Loaded, Vec<String>> {
        let folder = format!("{}/", self.0.path().display());
        let loaded = Config::load(&self.0.path().join("w.toml")).await;
        loaded.map_err(|faults| faults.to_string().replace(&folder, "").lines().map(str::to_owned).collect())
    }
}

async fn specs(loaded: &Loaded) -> Result<Vec<InstanceSpec>, Faults> {
    let registered = loaded.accounts.as_ref().unwrap().registered().await.unwrap();
    loaded.config.specs(&registered, &loaded.places)
}

const ACCOUNTS: &str = "[accounts.b]\nlogin = 2\nserver = \"S\"\npassword = \"p\"\n\
                        [accounts.a]\nlogin = 1\nserver = \"S\"\npassword = \"p\"\n";

#[tokio::test]
async fn instances_come_from_the_accounts_unless_the_configuration_names_them() {
    let loaded = Files::new(NEEDED, ACCOUNTS).load().await.unwrap();
    let specs = specs(&loaded).await.unwrap();
    let named = |specs: &[InstanceSpec]| specs.iter().map(|it| it.id.to_string()).collect::<Vec<_>>();
    assert_eq!(named(&specs), ["a", "b"]);
    assert_eq!(specs[0].desired, Desired::Running);
    let text = format!("{NEEDED}[[instance]]\nid = \"b\"\ndesired = \"STOPPED\"\n");
    let loaded = Files::new(&text, ACCOUNTS).load().await.unwrap();
    let specs = self::specs(&loaded).await.unwrap();
    assert_eq!(named(&specs), ["b"]);
    assert_eq!((specs[0].login.map(Login::number), specs[0].desired), (Some(2), Desired::Stopped));
}

#[tokio::test]
async fn a_fault_that_shows_later_has_its_line_too() {
    let text = format!("{NEEDED}[listen]\ngateways = \"127.0.0.1:1\"\n");
    let places = Files::new(&text, ACCOUNTS).load().await.unwrap().places;
    let told = places.fault("listen.gateways", "is in use; choose a free port").to_string();
    assert!(told.ends_with("w.toml:6: listen.gateways: is in use; choose a free port"), "{told}");
    assert!(places.fault("redis.url", "x").to_string().ends_with("w.toml: redis.url: x"));
}

#[tokio::test]
async fn the_faults_of_both_files_are_told_at_once() {
    let accounts = "[accounts.a]\nlogin = 1\nserver = \"S\"\npassword = \"hunter2\"\n\
                    [accounts.b]\nlogin = 1\nserver = \"S\"\npassword = \"hunter2\"\n";
    let told = Files::new(&format!("{NEEDED}[listen]\nheartbeat = 5\n"), accounts).load().await.unwrap_err();
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[0], "w.toml:6: listen.heartbeat: 5 has no unit; write it like \"30s\"");
    assert!(told[1].starts_with("a:5: accounts.b: is the same login and server as accounts.a"), "{told:?}");
    assert!(told[1].contains("line 1"), "{told:?}");
}

#[tokio::test]
async fn an_instance_without_an_account_is_told_with_its_line() {
    let told = Files::new(&format!("{NEEDED}[[instance]]\nid = \"z\"\n"), ACCOUNTS).load().await.unwrap_err();
    assert_eq!(told, ["w.toml:6: instance.id: no account is stored for instance z; add it to the accounts"]);
    let told = Files::new(NEEDED, "").load().await.unwrap_err();
    assert_eq!(told, ["w.toml: instance: there is no instance; add an account to the accounts"]);
}

#[tokio::test]
async fn files_that_cannot_be_read_or_can_be_read_by_others_are_told() {
    let files = Files::new(NEEDED, ACCOUNTS);
    files.put("a", ACCOUNTS, 0o644);
    let told = files.load().await.unwrap_err();
    assert!(told[0].starts_with("a: can be read by others (mode 0644); run: chmod 600 "), "{told:?}");
    fs::remove_file(files.0.path().join("a")).unwrap();
    let told = files.load().await.unwrap_err();
    assert!(told[0].starts_with("a: cannot be read: ") && told[0].contains("accounts.file"), "{told:?}");
    fs::remove_file(files.0.path().join("w.toml")).unwrap();
    assert_eq!(
        files.load().await.unwrap_err(),
        ["w.toml: does not exist; give the path of a configuration file"]
    );
    files.put("w.toml", "", 0o600);
    fs::write(files.0.path().join("w.toml"), b"\xff\xfe").unwrap();
    assert_eq!(files.load().await.unwrap_err(), ["w.toml: is not UTF-8 text; save it as such"]);
}

#[tokio::test]
async fn the_redis_password_comes_from_a_file_that_only_its_owner_reads() {
    let text = format!("{NEEDED}[redis]\nurl = \"redis://h:1\"\nauth_file = \"r\"\n");
    let files = Files::new(&text, ACCOUNTS);
    let told = files.load().await.unwrap_err();
    assert!(told[0].starts_with("r: cannot be read: ") && told[0].contains("redis.auth_file"), "{told:?}");
    files.put("r", "me:hunter2\n", 0o640);
    let told = files.load().await.unwrap_err();
    assert!(told[0].starts_with("r: can be read by others (mode 0640); run: chmod 600 "), "{told:?}");
    for (text, user) in [("me:hunter2\n", Some("me")), ("hunter2", None), (":hunter2", None)] {
        files.put("r", text, 0o600);
        let loaded = files.load().await.unwrap();
        assert!(!format!("{loaded:?}").contains("hunter2"));
        let auth = loaded.redis_auth.unwrap();
        assert_eq!((auth.user.as_deref(), auth.password.reveal()), (user, "hunter2"));
    }
    for text in ["", "\n", "a\nb\n"] {
        files.put("r", text, 0o600);
        assert_eq!(
            files.load().await.unwrap_err(),
            ["r: is not one line; write user:password, or the password alone"]
        );
    }
}

#[tokio::test]
async fn a_data_folder_that_is_a_file_is_told() {
    let files = Files::new(NEEDED, ACCOUNTS);
    files.put("d", "", 0o600);
    assert_eq!(
        files.load().await.unwrap_err(),
        ["w.toml:2: supervisor.data_folder: d is not a folder; name another or move it away"]
    );
}

proptest! {
    #[test]
    fn no_edit_of_a_configuration_panics(
        edits in prop::collection::vec((0_usize..1_000, 0_usize..40, "[\\PC\n\"\\[\\]=.{}#]{0,12}"), 1..6)
    ) {
        let mut text: Vec<char> = TWELVE.chars().collect();
        for (at, length, with) in edits {
            let from = at % text.len().max(1);
            let to = (from + length).min(text.len());
            text.splice(from.min(to)..to, with.chars());
        }
        let text: String = text.into_iter().collect();
        if let Err(faults) = parse(&text) {
            prop_assert!(!faults.list().is_empty());
            prop_assert!(faults.list().windows(2).all(|pair| pair[0].line <= pair[1].line));
        }
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,200}") {
        let _ = parse(&text);
    }
}

#[test]
fn metrics_are_served_only_where_an_address_is_given() {
    let parsed = |more: &str| Config::parse(Path::new("w.toml"), &format!("{NEEDED}{more}")).unwrap();
    assert_eq!(parsed("").listen.metrics, None);
    let given = parsed("[listen]\nmetrics = \"127.0.0.1:9464\"\n").listen.metrics;
    assert_eq!(given, Some(std::net::SocketAddr::from(([127, 0, 0, 1], 9464))));
}
