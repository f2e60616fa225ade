//! Sealed secrets on their way into rows and out of them.

use warden_domain::InstanceId;
use warden_store::AccountsError;

use crate::{
    db::{Arg, Line},
    envelope::{EnvelopeError, Sealed},
    fault::Fault,
    keys::{KeyError, KeyId},
};

/// The table of the passwords, as they are bound to it.
pub(crate) const CREDENTIALS: &str = "credentials";

/// The columns of a sealed secret, in the order of [`values`].
pub(crate) fn values(sealed: &Sealed) -> [Arg<'_>; 4] {
    [
        Arg::Text(sealed.key.as_str()),
        Arg::Blob(&sealed.wrapped),
        Arg::Blob(&sealed.nonce),
        Arg::Blob(&sealed.ciphertext),
    ]
}

/// The sealed secret in the columns from `first` on, in the order of [`values`]; `Err` says what is wrong with them.
pub(crate) fn read(line: &Line, first: usize) -> Result<Result<Sealed, String>, sqlx::Error> {
    let key: String = line.cell(first)?;
    let nonce: Vec<u8> = line.cell(first + 2)?;
    let (wrapped, ciphertext) = (line.cell(first + 1)?, line.cell(first + 3)?);
    Ok(match (KeyId::parse(&key), nonce.try_into()) {
        (Ok(key), Ok(nonce)) => Ok(Sealed { key, wrapped, nonce, ciphertext }),
        (Err(_), _) => Err("the name of its key was changed; restore the row from a backup".to_owned()),
        (Ok(_), Err(_)) => Err("its nonce was changed; restore the row from a backup".to_owned()),
    })
}

/// What an envelope that does not open means for an instance's credentials.
pub(crate) fn refused(instance: &InstanceId, error: &EnvelopeError) -> Fault {
    match error {
        EnvelopeError::Key(KeyError::Unavailable(_) | KeyError::Randomness(_)) => {
            Fault::Accounts(AccountsError::Unreachable(error.to_string()))
        }
        EnvelopeError::Key(KeyError::Unknown { .. } | KeyError::Altered { .. })
        | EnvelopeError::Altered
        | EnvelopeError::Misfit(_) => undecipherable(instance, error.to_string()),
    }
}

pub(crate) fn undecipherable(instance: &InstanceId, what: String) -> Fault {
    Fault::Accounts(AccountsError::Undecipherable { instance: instance.clone(), what })
}
