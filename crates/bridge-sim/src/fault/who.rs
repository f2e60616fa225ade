use warden_domain::InstanceId;

use crate::rng::Rng;

/// Whom a fault befalls.
///
/// Written `"acct-3"`, `["acct-1", "acct-2"]`, `"server:Broker-Live"`, `"gateway:gw1"`, `"all"`, or
/// `"3 of server:Broker-Live"` for so many of them, drawn by the world's seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// Every instance.
    All,
    /// These instances.
    Instances(
        /// Their ids.
        Vec<InstanceId>,
    ),
    /// The instances of a trade server.
    Server(
        /// Its name.
        String,
    ),
    /// The instances of a gateway.
    Gateway(
        /// Its name.
        String,
    ),
    /// Some of others.
    Some(
        /// How many; all where there are not more.
        usize,
        /// Of whom.
        Box<Who>,
    ),
}

/// Who there is: what a script's names are checked against.
#[derive(Clone, Debug, Default)]
pub struct Roster {
    members: Vec<Member>,
}

#[derive(Clone, Debug)]
struct Member {
    instance: InstanceId,
    server: String,
    gateway: String,
}

impl Roster {
    pub(crate) fn add(&mut self, instance: InstanceId, server: &str, gateway: &str) {
        self.members.push(Member { instance, server: server.to_owned(), gateway: gateway.to_owned() });
    }

    /// The places of those whom a fault befalls.
    pub(crate) fn resolve(&self, who: &Who, rng: &mut Rng) -> Vec<usize> {
        let those = |like: &dyn Fn(&Member) -> bool| -> Vec<usize> {
            self.members.iter().enumerate().filter(|(_, member)| like(member)).map(|(at, _)| at).collect()
        };
        match who {
            Who::All => those(&|_| true),
            Who::Instances(ids) => those(&|member| ids.contains(&member.instance)),
            Who::Server(name) => those(&|member| member.server == *name),
            Who::Gateway(name) => those(&|member| member.gateway == *name),
            Who::Some(count, of) => {
                let of = self.resolve(of, rng);
                let mut chosen: Vec<usize> =
                    rng.choose(*count, of.len()).into_iter().map(|at| of[at]).collect();
                chosen.sort_unstable();
                chosen
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    pub(crate) fn instance(&self, at: usize) -> &InstanceId {
        &self.members[at].instance
    }

    /// The trade servers, each once, in order of first use.
    pub(crate) fn servers(&self) -> Vec<&str> {
        let mut servers: Vec<&str> = Vec::new();
        for member in &self.members {
            if !servers.contains(&member.server.as_str()) {
                servers.push(&member.server);
            }
        }
        servers
    }

    /// Reads a target and checks that it exists; the error says what to write.
    pub(crate) fn read(&self, text: &str) -> Result<Who, String> {
        let text = text.trim();
        if let Some((count, of)) = text.split_once(" of ") {
            let count = count.trim().parse().ok().filter(|count| *count > 0);
            let count = count.ok_or(format!(
                "{text:?} does not begin with a number above 0; write it like \"3 of all\""
            ))?;
            return Ok(Who::Some(count, Box::new(self.read(of)?)));
        }
        if text == "all" {
            return Ok(Who::All);
        }
        if let Some(server) = text.strip_prefix("server:") {
            let known = self.members.iter().any(|member| member.server == server);
            return if known {
                Ok(Who::Server(server.to_owned()))
            } else {
                Err(unknown("trade server", server))
            };
        }
        if let Some(gateway) = text.strip_prefix("gateway:") {
            let known = self.members.iter().any(|member| member.gateway == gateway);
            return if known {
                Ok(Who::Gateway(gateway.to_owned()))
            } else {
                Err(unknown("gateway", gateway))
            };
        }
        match self.members.iter().find(|member| member.instance.as_str() == text) {
            Some(member) => Ok(Who::Instances(vec![member.instance.clone()])),
            None => Err(unknown("instance", text)),
        }
    }
}

fn unknown(what: &str, name: &str) -> String {
    format!("there is no {what} {name:?} in this fleet; name one that exists")
}
