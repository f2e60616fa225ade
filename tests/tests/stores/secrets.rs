//! A password is where it belongs and nowhere else. Every password of these worlds begins with the same words.

use std::{fs, path::Path, process::Command};

use warden_testkit::{Finished, Reply};
use warden_tests::{Plan, Story, World, keys, servers::HISTORY, succeeded};

/// What every password begins with.
const CANARY: &str = "canary-of-";
/// The same in hexadecimal, as a dump writes bytes.
const IN_HEX: &str = "63616e6172792d6f662d";
/// The same in Base64, as far as it does not depend on what follows.
const IN_BASE64: &str = "Y2FuYXJ5LW9m";

/// Names the keys of Redis that hold `ARGV[1]`, in their name or anywhere below it.
const KEYS_WITH: &str = "\
local function says(value)
  if type(value) ~= 'table' then return string.find(tostring(value), ARGV[1], 1, true) end
  for _, part in ipairs(value) do if says(part) then return true end end
end
local read = {
  string = function(key) return redis.call('GET', key) end,
  hash = function(key) return redis.call('HGETALL', key) end,
  list = function(key) return redis.call('LRANGE', key, 0, -1) end,
  set = function(key) return redis.call('SMEMBERS', key) end,
  zset = function(key) return redis.call('ZRANGE', key, 0, -1) end,
  stream = function(key) return redis.call('XRANGE', key, '-', '+') end,
}
local found, looked = {}, 0
for _, key in ipairs(redis.call('KEYS', '*')) do
  looked = looked + 1
  if says(key) or says(read[redis.call('TYPE', key).ok](key)) then table.insert(found, key) end
end
return {looked, found}";

#[test]
fn log_1_no_password_leaves_memory_on_four_stores_and_no_core_file_holds_one() {
    let mut world = World::prepare(Plan::quick(&["a", "b", "gone"]).on_four_stores().log("debug"));
    fs::create_dir(world.path("cores")).expect("a folder can be made");
    with_core_files(&mut world);
    world.start_simulator();
    world.wait_until_all_are_connected();
    world.fault("gone", "account_closed");
    world.fault("b", "terminal_crash");
    crate::destruction::wait_until_destroyed(&world, "gone");
    world.wait_for("b", "CONNECTED", "TERMINAL_CRASHED");
    let _ = world.wait_until_exported();

    keeps_quiet("the metrics", &world.metrics());
    redis_has_none(&world);
    clickhouse_has_none(&world);
    keeps_quiet("the dump of PostgreSQL", &world.accounts().dump());
    errors_have_none(&world);
    abort(&mut world);
    assert!(world.said().len() > 50, "it logs: {} lines", world.said().len());
    for line in world.said() {
        keeps_quiet("a line of the log", &line);
    }
    let folders = [world.path("data"), world.path("cores"), world.accounts().server.folder().to_owned()];
    for folder in folders.iter().map(AsRef::as_ref).chain([world.history().server.folder()]) {
        assert_eq!(files_with_a_password(folder), Vec::<String>::new());
    }
    let file = world.path("accounts.toml").display().to_string();
    assert!(files_with_a_password(&world.path("")).contains(&file), "what is there is found");
    world.start_supervisor();
    world.wait_for_key("a", "status", "CONNECTED");
    world.drain();
    let story = Story::read(&world.path("data/journal"));
    for told in ["a", "b", "gone"].iter().flat_map(|name| story.of(name)) {
        keeps_quiet("a row of the journal", &String::from_utf8_lossy(&told.row.payload));
    }
}

/// Starts the supervisor as someone would who wants a core file of it.
fn with_core_files(world: &mut World) {
    let cores = world.path("cores");
    world.spawn_supervisor(|command| {
        let mut words = vec![command.get_program().to_owned()];
        words.extend(command.get_args().map(ToOwned::to_owned));
        *command = Command::new("sh");
        command.args(["-c", r#"ulimit -c unlimited && exec "$@""#, "sh"]).args(words).current_dir(cores);
    });
    world.wait_until_ready();
}

/// Ends the supervisor by a signal that writes a core file, where one may be written.
fn abort(world: &mut World) {
    let pid = world.supervisor_pid().to_string();
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).expect("it runs");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("it is limited");
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{core}");
    let sent = Command::new("sh").args(["-c", &format!("kill -s ABRT {pid}")]).status();
    assert!(sent.expect("sh runs").success());
    assert_eq!(world.wait_until_ended().code, None, "ended by the signal");
    let left = fs::read_dir(world.path("cores")).expect("it is there").count();
    assert_eq!(left, 0, "a core file was written");
}

#[track_caller]
pub(crate) fn keeps_quiet(what: &str, text: &str) {
    for canary in [CANARY, IN_HEX, IN_BASE64] {
        let place = text.find(canary);
        assert_eq!(place, None, "{what} holds a password: {}", text.chars().take(300).collect::<String>());
    }
}

/// The files below a folder that hold a password.
pub(crate) fn files_with_a_password(folder: &Path) -> Vec<String> {
    let mut grep = Command::new("grep");
    grep.env("LC_ALL", "C")
        .args(["-rlaF", "--devices=skip", "-e", CANARY, "-e", IN_HEX, "-e", IN_BASE64])
        .arg(folder);
    let output = grep.output().expect("grep runs");
    let faults = String::from_utf8_lossy(&output.stderr);
    // a server that runs removes files meanwhile
    let fault = faults.lines().find(|line| !line.ends_with("No such file or directory"));
    assert_eq!(fault, None, "{faults}");
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

fn redis_has_none(world: &World) {
    let look = |canary: &str| {
        let reply = world.redis.command(&["EVAL", KEYS_WITH, "0", canary]).expect("redis answers");
        let Reply::Array(Some(parts)) = reply else { panic!("{reply:?}") };
        let looked: u32 = parts[0].text().parse().expect("a number");
        (looked, parts[1].text())
    };
    for canary in [CANARY, IN_HEX, IN_BASE64] {
        let (looked, found) = look(canary);
        assert!(looked > 10 && found.is_empty(), "of {looked} keys these hold a password: {found}");
    }
    assert!(look("CONNECTED").1.contains("instance_state:a:status"), "what is there is found");
}

fn clickhouse_has_none(world: &World) {
    let history = world.history();
    let sql =
        format!("SELECT name FROM system.tables WHERE database = '{HISTORY}' AND engine LIKE '%MergeTree'");
    let tables = history.ask(&sql).expect("clickhouse answers");
    assert!(tables.lines().count() >= 5, "{tables}");
    let rows_with = |table: &str, words: &str| {
        let found = format!("countIf(positionCaseInsensitive(toString(tuple(*)), '{words}') > 0)");
        history.ask(&format!("SELECT {found} FROM {HISTORY}.{table}")).expect("clickhouse answers")
    };
    for table in tables.lines() {
        for canary in [CANARY, IN_HEX, IN_BASE64] {
            assert_eq!(rows_with(table, canary), "0", "{table}");
        }
    }
    assert_ne!(rows_with("instance_events", "ACCOUNT_CLOSED"), "0", "what is there is found");
}

/// Whatever goes wrong, what is said of it holds no password.
fn errors_have_none(world: &World) {
    let admin = fs::read_to_string(world.path("admin.toml")).expect("it is there");
    let config = |name: &str, from: &str, to: &str| {
        assert!(admin.contains(from), "{from}: {admin}");
        world.put(name, &admin.replacen(from, to, 1), 0o644);
    };
    let people = |config: &str, words: &[&str], input: &str| world.cli_with(config, words, input);
    let new_key =
        ["accounts", "new-key", &world.path("another.key").display().to_string()].map(str::to_owned);
    succeeded(&warden_tests::run(&new_key.each_ref().map(String::as_str)));
    config("another_key.toml", "accounts.key", "another.key");
    refused("a wrong key", &people("another_key.toml", &["accounts", "rotate-key"], ""));

    world.put("wrong.auth", "people:canary-of-nobody\n", 0o600);
    config("wrong_auth.toml", "people.auth", "wrong.auth");
    refused("a wrong password of PostgreSQL", &people("wrong_auth.toml", &["accounts", "list"], ""));
    for (name, from, to) in [
        ("url.toml", "postgres://", "postgres://me:canary-of-url@"),
        ("redis.toml", "redis://", "redis://:canary-of-url@"),
        ("history.toml", "http://", "http://me:canary-of-url@"),
        ("key.toml", "[accounts]", "[accounts]\npassword = \"canary-of-key\""),
    ] {
        config(name, from, to);
        refused(name, &people(name, &["accounts", "list"], ""));
        refused(name, &warden_tests::run(&["check-config", &world.path(name).display().to_string()]));
    }
    refused("nobody", &people("admin.toml", &["accounts", "set-password", "nobody"], "canary-of-nobody\n"));
    let taken = world.login("a").to_string();
    let add = ["accounts", "add", "again", "--login", &taken, "--server", "Broker-a"];
    refused("an account that is there", &people("admin.toml", &add, "canary-of-again\n"));
    for (name, text) in [
        ("unquoted.accounts", "[accounts.x]\nlogin = 7\nserver = \"B\"\npassword = canary-of-x\n"),
        ("misplaced.accounts", "[accounts.x]\nlogin = \"canary-of-x\"\nserver = \"B\"\npassword = \"p\"\n"),
        ("unknown.accounts", "[accounts.x]\nlogin = 7\nserver = \"B\"\npasswort = \"canary-of-x\"\n"),
    ] {
        world.put(name, text, 0o600);
        let file = world.path(name).display().to_string();
        refused(name, &people("admin.toml", &["accounts", "import", &file], ""));
    }
    is_moved(world);
}

/// A row of another account cannot be opened, by the program for people and at a login.
fn is_moved(world: &World) {
    let columns = "(version, key_id, wrapped, nonce, ciphertext)";
    let of = |name: &str| {
        format!("SELECT version, key_id, wrapped, nonce, ciphertext FROM kept WHERE instance = '{name}'")
    };
    let set =
        |to: &str, of: &str| format!("UPDATE credentials SET {columns} = ({of}) WHERE instance = '{to}'");
    let _ = world.accounts().sql("CREATE TABLE kept AS SELECT * FROM credentials");
    let _ = world.accounts().sql(&set("a", &of("b")));
    succeeded(&world.cli(&["stop", "a"]));
    world.wait_for("a", "INACTIVE", "USER_STOPPED");
    succeeded(&world.cli(&["start", "a"]));
    world.wait_for("a", "FAILED", "LOGIN_FAILED");
    let why = world.cli(&["why", "a"]).stdout.join("\n");
    assert!(why.contains("cannot be decrypted"), "{why}");
    keeps_quiet("the explanation", &why);
    let _ = world.accounts().sql(&set("a", &of("a")));
    let _ = world.accounts().sql("DROP TABLE kept");
    succeeded(&world.cli(&["reset", "a"]));
    assert!(keys::documented(&world.redis, "b")["status"] == "CONNECTED", "the other one is as it was");
}

#[track_caller]
fn refused(what: &str, told: &Finished) {
    assert_ne!(told.code, Some(0), "{what} is refused: {told:?}");
    let said = told.stdout.join("\n") + &told.stderr.join("\n");
    assert!(!said.is_empty(), "{what}: it says why");
    keeps_quiet(what, &said);
    assert!(!said.contains("panicked"), "{what}: {said}");
}
