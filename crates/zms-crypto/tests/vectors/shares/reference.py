"""Splits and combines with the reference implementation of SLIP-0039.

Reads a JSON list of questions and writes the list of answers: for a question with `groups` the
shares of each group, for one with `shares` the secret in hex, or null where it refuses them.
"""

import json
import sys

from shamir_mnemonic import MnemonicError, combine_mnemonics, generate_mnemonics


def answer(question):
    passphrase = question["passphrase"].encode("ascii")
    if "groups" in question:
        return generate_mnemonics(
            question["group_threshold"],
            [tuple(group) for group in question["groups"]],
            bytes.fromhex(question["secret"]),
            passphrase,
            question["extendable"],
            question["exponent"],
        )
    try:
        return combine_mnemonics(question["shares"], passphrase).hex()
    except MnemonicError:
        return None


json.dump([answer(question) for question in json.load(sys.stdin)], sys.stdout)
