//! The shop as its customers see it, and what must hold of that.

use crate::Outcome;
use crate::browser::{Answer, Browser};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// How long anything may take: far more than the bound and the lag.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(5);

pub(crate) fn to_try(a: SocketAddr, b: SocketAddr) -> String {
    format!(
        "\nUntil Ctrl-C. Twice each of the first two, then change a price on B and look at A:
  curl -i http://{a}/products/1
  curl -i 'http://{a}/products?category=tea&sort=price&page=1'
  curl -i 'http://{a}/search?q=tea&utm_source=mail'
  curl -i http://{b}/products/1 -X PUT --json '{{\"price\":250}}'
By the worker:
  curl -i http://{a}/planned-prices --json '{{\"product\":1,\"price\":300}}'
One customer's own:
  curl -c jar http://{a}/login --json '{{\"name\":\"Ada\"}}'
  curl -b jar http://{a}/cart --json '{{\"product\":1,\"amount\":2}}'
  curl -b jar http://{b}/cart
  curl -b jar http://{b}/orders -X POST
"
    )
}

pub(crate) async fn tell(a: SocketAddr, b: SocketAddr) -> Outcome<()> {
    let shop = [a, b];
    from_memory(shop).await?;
    a_price_changes(shop).await?;
    who_wrote_sees_it(shop).await?;
    the_worker_changes_a_price(shop).await?;
    carts_are_nobody_elses(shop).await?;
    an_order_changes_what_is_left(shop).await?;
    println!("\nThe story holds.");
    Ok(())
}

async fn from_memory(shop: [SocketAddr; 2]) -> Outcome<()> {
    println!("\nPages are answered from memory");
    let mut visitor = Browser::new();
    for at in shop {
        warm(&mut visitor, at, "/products/1").await?;
        warm(&mut visitor, at, "/products?category=tea&sort=price").await?;
        warm(&mut visitor, at, "/search?q=tea").await?;
        let same = visitor.get(at, "/search?utm_source=mail&q=tea").await?;
        expect(
            same.from_memory,
            "what is not in the key makes no difference",
        )?;
    }
    Ok(())
}

async fn a_price_changes([a, b]: [SocketAddr; 2]) -> Outcome<()> {
    println!("\nA price is changed on B");
    let (mut staff, mut visitor) = (Browser::new(), Browser::new());
    for at in [a, b] {
        warm(&mut visitor, at, "/search?q=green").await?;
    }
    put_price(&mut staff, b, 1, 250).await?;
    for at in [a, b] {
        fresh(&mut visitor, at, "/products/1", |it| it["price"] == 250).await?;
        let listed = |it: &Value| it[0]["price"] == 250;
        fresh(&mut visitor, at, "/search?q=green", listed).await?;
    }
    Ok(())
}

async fn who_wrote_sees_it([a, b]: [SocketAddr; 2]) -> Outcome<()> {
    println!("\nWho wrote sees it at once, also on A, and though the replica lags");
    let mut staff = Browser::new();
    for price in [310, 320, 330] {
        put_price(&mut staff, b, 2, price).await?;
        let own = staff.get(a, "/products/2").await?;
        show(a, "/products/2", &own);
        expect(own.says["price"] == price, "the writer sees its write")?;
    }
    Ok(())
}

async fn the_worker_changes_a_price(shop: [SocketAddr; 2]) -> Outcome<()> {
    println!("\nThe worker makes a planned price real");
    let mut visitor = Browser::new();
    for at in shop {
        warm(&mut visitor, at, "/products/3").await?;
    }
    let plan = json!({ "product": 3, "price": 1 });
    let planned = visitor.send("POST", shop[0], "/planned-prices", &plan);
    expect(planned.await?.status.is_success(), "a price can be planned")?;
    for at in shop {
        fresh(&mut visitor, at, "/products/3", |it| it["price"] == 1).await?;
    }
    Ok(())
}

async fn carts_are_nobody_elses([a, b]: [SocketAddr; 2]) -> Outcome<()> {
    println!("\nEach customer has a cart");
    let mut customers = [(Browser::new(), "Ada", 4), (Browser::new(), "Bob", 5)];
    for (browser, name, product) in &mut customers {
        sign_in(browser, a, name).await?;
        let line = json!({ "product": *product, "amount": 2 });
        let added = browser.send("POST", b, "/cart", &line).await?;
        expect(
            added.status.is_success(),
            "a cart takes what is put into it",
        )?;
    }
    for at in [a, b, a, b] {
        for (browser, name, product) in &mut customers {
            let cart = browser.get(at, "/cart").await?;
            let own = json!([{ "product": *product, "amount": 2 }]);
            expect(cart.says == own, &format!("{name}'s cart is {name}'s own"))?;
            expect(!cart.from_memory, "no cart is in any memory")?;
        }
        let stranger = Browser::new().get(at, "/cart").await?;
        expect(stranger.status == 401, "a stranger sees no cart")?;
    }
    println!("  and sees that one only");
    Ok(())
}

async fn an_order_changes_what_is_left(shop: [SocketAddr; 2]) -> Outcome<()> {
    println!("\nAn order changes what is left");
    let [a, b] = shop;
    let (mut customer, mut visitor) = (Browser::new(), Browser::new());
    for at in shop {
        warm(&mut visitor, at, "/products/6").await?;
        warm(&mut visitor, at, "/search?q=robusta").await?;
    }
    sign_in(&mut customer, a, "Cleo").await?;
    let line = json!({ "product": 6, "amount": 3 });
    customer.send("POST", a, "/cart", &line).await?;
    let order = customer.send("POST", b, "/orders", &Value::Null).await?;
    expect(order.status.is_success(), "a cart can be ordered")?;
    let own = customer.get(a, "/products/6").await?;
    expect(own.says["stock"] == 17, "the customer sees what is left")?;
    for at in shop {
        fresh(&mut visitor, at, "/products/6", |it| it["stock"] == 17).await?;
        let found = |it: &Value| it[0]["stock"] == 17;
        fresh(&mut visitor, at, "/search?q=robusta", found).await?;
    }
    Ok(())
}

async fn sign_in(browser: &mut Browser, at: SocketAddr, name: &str) -> Outcome<()> {
    let name = json!({ "name": name });
    let answer = browser.send("POST", at, "/login", &name).await?;
    expect(answer.status.is_success(), "a name is enough to sign in")
}

async fn put_price(staff: &mut Browser, at: SocketAddr, id: u32, price: i64) -> Outcome<()> {
    let path = format!("/products/{id}");
    let price = json!({ "price": price });
    let changed = staff.send("PUT", at, &path, &price).await?;
    println!("  {at}  PUT {path} {price}");
    expect(changed.status.is_success(), "a price can be changed")
}

/// Asks until it is answered from memory. Just after its start an instance stores nothing:
/// what it reads may be older than the last write before.
async fn warm(browser: &mut Browser, at: SocketAddr, path: &str) -> Outcome<()> {
    let hit = until(browser, at, path, |answer| answer.from_memory).await?;
    show(at, path, &hit);
    Ok(())
}

/// Asks until the new is there. From then on the old must not come back, be it from
/// memory: what the replica said meanwhile was not stored.
async fn fresh(
    browser: &mut Browser,
    at: SocketAddr,
    path: &str,
    is_new: impl Fn(&Value) -> bool,
) -> Outcome<()> {
    let new = until(browser, at, path, |answer| is_new(&answer.says)).await?;
    show(at, path, &new);
    let mut is_old = false;
    let hit = until(browser, at, path, |answer| {
        is_old |= !is_new(&answer.says);
        answer.from_memory
    });
    let hit = hit.await?;
    expect(!is_old, "the old never comes back")?;
    show(at, path, &hit);
    Ok(())
}

async fn until(
    browser: &mut Browser,
    at: SocketAddr,
    path: &str,
    mut holds: impl FnMut(&Answer) -> bool,
) -> Outcome<Answer> {
    let asking = async {
        loop {
            let answer = browser.get(at, path).await?;
            expect(answer.status.is_success(), "every page is there")?;
            if holds(&answer) {
                return Ok(answer);
            }
            sleep(PAUSE).await;
        }
    };
    match timeout(PATIENCE, asking).await {
        Ok(answer) => answer,
        Err(_) => Err(format!("{path} on {at} is not what it should be").into()),
    }
}

fn show(at: SocketAddr, path: &str, answer: &Answer) {
    let from = if answer.from_memory {
        "from memory"
    } else {
        "by the handler"
    };
    let says = match &answer.says {
        Value::Array(items) => format!("{} items", items.len()),
        item => format!("price {}, stock {}", item["price"], item["stock"]),
    };
    println!("  {at}  GET {path}: {from}, {says}");
}

fn expect(holds: bool, sentence: &str) -> Outcome<()> {
    if holds {
        Ok(())
    } else {
        Err(format!("it does not hold that {sentence}").into())
    }
}
