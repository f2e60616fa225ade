use std::path::Path;

use anyhow::Error;
use serde_json::Value;
use warden_domain::{InstanceId, Timestamp};
use warden_supervisor::{
    config::Config,
    control::{Ask, Client, ClientError, Refusal, RefusalKind},
};

use crate::say::{say, say_text};

/// Asks the supervisor of a configuration.
pub(crate) async fn ask(config: &Config, ask: Ask) -> Result<Value, ClientError> {
    Client::connect(&config.supervisor.control).await?.ask(ask).await
}

/// Asks for something to be done and says that it was accepted.
pub(crate) async fn wish(file: &Path, wish: Ask) -> Result<(), Error> {
    ask(&Config::open(file)?, wish).await?;
    say!("accepted");
    Ok(())
}

/// Makes sure that the supervisor knows the instance.
pub(crate) async fn known(config: &Config, instance: &InstanceId) -> Result<(), Error> {
    let views = ask(config, Ask::Views {}).await?;
    let known = views.as_array().into_iter().flatten().any(|view| is(view, Some(instance)));
    if known { Ok(()) } else { Err(unknown(instance).into()) }
}

fn unknown(instance: &InstanceId) -> ClientError {
    let text = format!("there is no instance {instance}; see the list of instances");
    ClientError::Refused(Refusal { kind: RefusalKind::UnknownInstance, text })
}

/// Shows the supervisor and its instances.
pub(crate) async fn status(file: &Path, instance: Option<&InstanceId>, json: bool) -> Result<(), Error> {
    let config = Config::open(file)?;
    let views = ask(&config, Ask::Views {}).await?;
    let views: Vec<&Value> =
        views.as_array().into_iter().flatten().filter(|view| is(view, instance)).collect();
    if let (Some(instance), true) = (instance, views.is_empty()) {
        return Err(unknown(instance).into());
    }
    let status = ask(&config, Ask::Status {}).await?;
    if json {
        say!("{}", serde_json::json!({ "supervisor": status, "instances": views }));
    } else {
        say_text!("{}", table(&status, &views));
    }
    Ok(())
}

fn is(view: &Value, instance: Option<&InstanceId>) -> bool {
    instance.is_none_or(|instance| view["instance"] == instance.as_str())
}

fn table(status: &Value, views: &[&Value]) -> String {
    let about = &status["about"];
    let mut text = format!(
        "supervisor {} (process {}, since {}), gateways at {}\n\n{:<24} {:<18} {:<22} {:<12} {:>6}  {}\n",
        word(&about["name"]),
        about["pid"],
        moment(&about["since"]),
        word(&about["gateways"]),
        "INSTANCE",
        "STATUS",
        "LAST FAILURE",
        "GATE",
        "TRADES",
        "OPEN INCIDENTS",
    );
    for view in views {
        let incidents = view["incidents"].as_array().map(Vec::as_slice).unwrap_or_default();
        let incidents: Vec<String> =
            incidents.iter().map(|it| format!("{} (attempt {})", word(&it["kind"]), it["attempt"])).collect();
        text.push_str(&format!(
            "{:<24} {:<18} {:<22} {:<12} {:>6}  {}\n",
            word(&view["instance"]),
            word(&view["status"]),
            word(&view["last_failure_reason"]),
            if view["halted"] == true { "HALTED".to_owned() } else { gate(&view["gate"]) },
            word(&view["trades"]["open"]),
            incidents.join(", "),
        ));
    }
    text
}

/// A gate is its name, or an object with its name as the only key.
fn gate(value: &Value) -> String {
    match value.as_object().and_then(|object| object.keys().next()) {
        Some(name) => name.clone(),
        None => word(value),
    }
}

/// A moment is a number of milliseconds.
fn moment(value: &Value) -> String {
    value.as_i64().map_or_else(|| word(value), |millis| Timestamp::from_millis(millis).to_string())
}

fn word(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}
