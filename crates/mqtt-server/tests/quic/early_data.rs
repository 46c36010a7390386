//! 0-RTT: off unless it is asked for.

use crate::client::{Tls, endpoint, quic};
use crate::packets::Connect;
use crate::server::{BOUND, Running, Wishes};
use mqtt_server::endpoint::QuicOptions;
use tokio::time::timeout;

/// Connects twice; whether the second CONNECT went out, and was taken, in the first flight.
async fn second_connect_is_early(zero_rtt: bool) -> bool {
    let quic_options = QuicOptions { zero_rtt, ..QuicOptions::default() };
    let server = Running::with(Wishes { quic: quic_options, ..Wishes::default() }).await;
    let mut tls = Tls::default().config(&server);
    tls.enable_early_data = true;
    let (endpoint, config) = (endpoint(), quic(tls));
    let connect = || endpoint.connect_with(config.clone(), server.address, "localhost").unwrap();
    let first = timeout(BOUND, connect()).await.expect("in time").unwrap();
    let (mut send, mut recv) = first.open_bi().await.unwrap();
    send.write_all(&Connect::new("a").encode()).await.unwrap();
    let mut connack = [0; 4];
    recv.read_exact(&mut connack).await.unwrap(); // the ticket has come as well by then
    first.close(0u32.into(), b"");
    let Ok((second, accepted)) = connect().into_0rtt() else { return false };
    let (mut send, mut recv) = second.open_bi().await.unwrap();
    send.write_all(&Connect::new("a").encode()).await.unwrap();
    timeout(BOUND, recv.read_exact(&mut connack)).await.expect("in time").unwrap();
    assert_eq!(connack[0], 0x20);
    accepted.await
}

#[tokio::test]
async fn early_data_is_taken_only_where_it_is_switched_on() {
    assert!(!second_connect_is_early(false).await);
    assert!(second_connect_is_early(true).await);
}
