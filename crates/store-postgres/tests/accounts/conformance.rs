//! The numbered cases of both ports.

use std::sync::{Arc, Mutex};

use warden_store::{Accounts, conformance, schema::Schema};
use warden_store_postgres::AccountsSchema;

use crate::common::{Engine, Place, on_both, plain};

on_both!(it_keeps_what_the_port_of_accounts_promises, it_keeps_what_the_port_of_schemas_promises);

async fn it_keeps_what_the_port_of_accounts_promises(engine: Engine) {
    let places = Arc::new(Mutex::new(Vec::new()));
    conformance::accounts::run(|accounts| {
        let places = Arc::clone(&places);
        Box::pin(async move {
            let place = Place::new(engine);
            let store = place.open().await;
            for (instance, account) in accounts {
                store.register(plain(&instance, account), "operator").await.unwrap();
            }
            places.lock().unwrap().push(place);
            Arc::new(store) as Arc<dyn Accounts>
        })
    })
    .await;
    assert!(places.lock().unwrap().len() >= 14);
}

async fn it_keeps_what_the_port_of_schemas_promises(engine: Engine) {
    conformance::schema::run(|| {
        Box::pin(async move {
            let place = Arc::new(Place::new(engine));
            let open = move || {
                let place = Arc::clone(&place);
                Box::pin(async move {
                    Box::new(AccountsSchema::connect(&place.config).await.unwrap()) as Box<dyn Schema>
                }) as warden_store::Pending<'static, Box<dyn Schema>>
            };
            Box::new(open) as Box<dyn conformance::schema::Fixture>
        })
    })
    .await;
}
