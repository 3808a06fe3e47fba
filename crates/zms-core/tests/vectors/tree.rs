//! `tree.json`: tree heads and proofs.

use zms_core::tree_head::{Step, Tree, proof_positions, root_from_proof};

use crate::{
    cases,
    json::{Json, hex, list, map, text},
    name,
};

/// A proof as the vectors spell it.
pub(crate) fn proof_to_json(proof: &[Step]) -> Json {
    list(proof.iter().map(|step| {
        let side = if step.left { "left" } else { "right" };
        list([text(side), hex(&step.hash)])
    }))
}

/// Reads a proof.
pub(crate) fn proof_from_json(proof: &Json) -> Vec<Step> {
    let step = |step: &Json| Step {
        left: match step.list()[0].text() {
            "left" => true,
            "right" => false,
            other => panic!("unknown side {other}"),
        },
        hash: step.list()[1].array(),
    };
    proof.list().iter().map(step).collect()
}

fn proof_of(tree: &Tree, leaves: usize, at: usize) -> Vec<Step> {
    let nodes: Vec<_> = tree.nodes().copied().collect();
    let steps = proof_positions(leaves, at).into_iter();
    steps.map(|(left, index)| Step { left, hash: nodes[index] }).collect()
}

fn proof_case(title: &str, part: &[u8], proof: &[Step], root: [u8; 32], valid: bool) -> Json {
    map([
        ("name", text(title)),
        ("part", hex(part)),
        ("proof", proof_to_json(proof)),
        ("root", hex(&root)),
        ("valid", Json::Bool(valid)),
    ])
}

fn make(_: &mut rand_chacha::ChaCha20Rng) -> Vec<Json> {
    let mut made = Vec::new();
    let parts: Vec<Vec<u8>> = (0..9).map(|at| vec![at; usize::from(at) + 1]).collect();
    let tree = |leaves: usize| Tree::new(parts[..leaves].iter().map(Vec::as_slice));
    for leaves in 0..=9 {
        let root = tree(leaves).root();
        made.push(map([
            ("name", text(&format!("the head of {leaves} parts"))),
            ("parts", list(parts[..leaves].iter().map(|part| hex(part)))),
            ("root", hex(&root)),
        ]));
        for (at, part) in parts[..leaves].iter().enumerate() {
            let proof = proof_of(&tree(leaves), leaves, at);
            let title = format!("part {at} of {leaves}");
            made.push(proof_case(&title, part, &proof, root, true));
        }
    }
    let (root, proof) = (tree(5).root(), proof_of(&tree(5), 5, 2));
    let mut turned = proof.clone();
    turned[0].left = !turned[0].left;
    let mut flipped = proof.clone();
    flipped[1].hash[31] ^= 1;
    let swapped: Vec<Step> = proof.iter().rev().copied().collect();
    made.push(proof_case("another part", b"other", &proof, root, false));
    made.push(proof_case("a side turned", &parts[2], &turned, root, false));
    made.push(proof_case("a hash changed", &parts[2], &flipped, root, false));
    made.push(proof_case("steps swapped", &parts[2], &swapped, root, false));
    made.push(proof_case("a step less", &parts[2], &proof[..2], root, false));
    made.push(proof_case("no steps", &parts[2], &[], root, false));
    let node = [&[1][..], &[2; 64]].concat();
    let inner = zms_crypto::digest::sha256(&[&node]);
    made.push(proof_case("an inner node passed off as a part", &node[1..], &[], inner, false));
    for (steps, valid) in [(40, true), (41, false)] {
        let long = vec![Step { left: true, hash: [3; 32] }; steps];
        let root = long.iter().fold(Tree::new([&b"x"[..]]).root(), |hash, step| {
            zms_crypto::digest::sha256(&[&[1], &step.hash, &hash])
        });
        made.push(proof_case(&format!("{steps} steps"), b"x", &long, root, valid));
    }
    made
}

#[test]
fn tree_heads_and_proofs() {
    for case in cases("tree.json", "Tree heads and proofs: spec/roster.md#members-root", make) {
        let root: [u8; 32] = case["root"].array();
        if case["proof"].is_some() {
            let proven = root_from_proof(&case["part"].bytes(), &proof_from_json(&case["proof"]));
            assert_eq!(proven == Some(root), case["valid"].as_bool(), "{}", name(&case));
        } else {
            let parts: Vec<Vec<u8>> = case["parts"].list().iter().map(Json::bytes).collect();
            assert_eq!(Tree::new(parts.iter().map(Vec::as_slice)).root(), root);
        }
    }
}
