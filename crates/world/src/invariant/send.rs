//! What leaves the driver: durable before, once, under the present epoch.

use warden_bridge::{Command, Envelope};

use crate::judge::{Member, Verdict};

/// No command leaves before the journal has the step that wants it.
pub(crate) fn durable(member: &Member, envelope: &Envelope) -> Verdict {
    match &envelope.command {
        Command::Order(order) => return order_is_durable(member, order),
        Command::Snapshot(_) | Command::Watch(_) => return Ok(()),
        Command::Login { .. }
        | Command::Reconnect
        | Command::Restart { .. }
        | Command::Confirm
        | Command::CloseTrades { .. }
        | Command::EndSession => {}
    }
    if member.intended.contains(&(envelope.epoch, envelope.id)) {
        return Ok(());
    }
    Err(format!("command {} of {} is in no journalled step", envelope.id.0, envelope.instance))
}

/// TRD-7: `SENDING` is durable under this number, for this very request.
fn order_is_durable(member: &Member, order: &warden_bridge::Order) -> Verdict {
    let send = order.send;
    let life = member.lives.get(&send.magic);
    let Some(life) = life.filter(|life| life.sends.contains_key(&send.attempt)) else {
        return Err(format!("send {} of {} is in no journalled step", send.attempt, send.magic));
    };
    if life.left.contains_key(&send.attempt) {
        return Err(format!("send {} of {} left a second time", send.attempt, send.magic));
    }
    Ok(())
}

/// The driver sends a command once; whatever is tried again is another one.
pub(crate) fn once(member: &Member, envelope: &Envelope) -> Verdict {
    if member.sent.contains(&(envelope.epoch, envelope.id)) {
        return Err(format!("command {} of {} left a second time", envelope.id.0, envelope.instance));
    }
    Ok(())
}

/// Nothing is sent under an epoch that another owner has passed.
pub(crate) fn epoch(member: &Member, envelope: &Envelope) -> Verdict {
    if envelope.epoch < member.epoch {
        return Err(format!(
            "{} sends at epoch {} after {}",
            envelope.instance, envelope.epoch, member.epoch
        ));
    }
    Ok(())
}
