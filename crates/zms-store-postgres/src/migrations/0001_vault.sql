-- The same tables as in SQLite, of many vaults: the vault's id leads every key. Integers that stand
-- for unsigned 64-bit numbers keep their bits. spec/store.md#postgresql

-- A vault, how many commits it had, the signature of its current roster, how many members that has,
-- and when it last moved: what a feed of changes is read from, with overlap, for transactions end in
-- another order than they begin. Every commit updates its vault's row first, so commits of one vault have an order.
CREATE TABLE vault (
    id       BYTEA       NOT NULL PRIMARY KEY,
    commits  BIGINT      NOT NULL,
    roster   BYTEA       NOT NULL,
    members  BIGINT      NOT NULL,
    made_at  TIMESTAMPTZ NOT NULL,
    moved_at TIMESTAMPTZ NOT NULL
);

CREATE INDEX vault_moved ON vault (moved_at);

CREATE TABLE roster (
    vault     BYTEA  NOT NULL,
    version   BIGINT NOT NULL,
    message   BYTEA  NOT NULL,
    signature BYTEA  NOT NULL,
    PRIMARY KEY (vault, version)
);

CREATE TABLE member (
    vault       BYTEA       NOT NULL,
    principal   BYTEA       NOT NULL,
    joined_at   TIMESTAMPTZ NOT NULL,
    line        BYTEA       NOT NULL,
    keyring     BYTEA       NOT NULL,
    escrow      BYTEA       NOT NULL,
    request_key BYTEA       NOT NULL,
    PRIMARY KEY (vault, principal)
);

-- Leads from a principal to its vault. Whoever makes a vault may name any principal in it, so the
-- first to do so is asked.
CREATE INDEX member_place ON member (principal, joined_at);

CREATE TABLE departed (
    vault     BYTEA  NOT NULL,
    principal BYTEA  NOT NULL,
    at        BIGINT NOT NULL,
    PRIMARY KEY (vault, principal)
);

-- The members' tree of the current roster: each member's place and hashes, and all nodes, 64 of
-- 32 bytes to a row.
CREATE TABLE leaf (
    vault     BYTEA  NOT NULL,
    principal BYTEA  NOT NULL,
    at        BIGINT NOT NULL,
    line      BYTEA  NOT NULL,
    escrow    BYTEA  NOT NULL,
    keyring   BYTEA  NOT NULL,
    PRIMARY KEY (vault, principal)
);

CREATE TABLE node (
    vault  BYTEA  NOT NULL,
    chunk  BIGINT NOT NULL,
    hashes BYTEA  NOT NULL,
    PRIMARY KEY (vault, chunk)
);

-- Kept for ever: a scope that has a row here never begins again.
CREATE TABLE revision (
    vault     BYTEA  NOT NULL,
    scope     BYTEA  NOT NULL,
    revision  BIGINT NOT NULL,
    message   BYTEA  NOT NULL,
    signature BYTEA  NOT NULL,
    PRIMARY KEY (vault, scope, revision)
);

-- Live records.
CREATE TABLE record (
    vault      BYTEA  NOT NULL,
    scope      BYTEA  NOT NULL,
    name_index BYTEA  NOT NULL,
    rev_from   BIGINT NOT NULL,
    epoch      BIGINT NOT NULL,
    hash       BYTEA  NOT NULL,
    envelope   BYTEA  NOT NULL,
    PRIMARY KEY (vault, scope, name_index)
);

-- Records that ended, apart, so that the live ones stay close together.
CREATE TABLE ended (
    vault      BYTEA  NOT NULL,
    scope      BYTEA  NOT NULL,
    name_index BYTEA  NOT NULL,
    rev_from   BIGINT NOT NULL,
    rev_to     BIGINT NOT NULL,
    epoch      BIGINT NOT NULL,
    envelope   BYTEA  NOT NULL,
    PRIMARY KEY (vault, scope, name_index, rev_from)
);

-- A child is live in one place; the same index leads from it to its parent.
CREATE TABLE child (
    vault       BYTEA  NOT NULL,
    scope       BYTEA  NOT NULL,
    child_index BYTEA  NOT NULL,
    child       BYTEA  NOT NULL,
    child_epoch BIGINT NOT NULL,
    envelope    BYTEA  NOT NULL,
    PRIMARY KEY (vault, scope, child_index)
);

CREATE UNIQUE INDEX child_place ON child (vault, child);

-- The sealed way from an epoch to the one before.
CREATE TABLE past (
    vault    BYTEA  NOT NULL,
    scope    BYTEA  NOT NULL,
    epoch    BIGINT NOT NULL,
    envelope BYTEA  NOT NULL,
    PRIMARY KEY (vault, scope, epoch)
);

-- How often members that have only so many uses were used.
CREATE TABLE spent (
    vault     BYTEA  NOT NULL,
    principal BYTEA  NOT NULL,
    uses      BIGINT NOT NULL,
    PRIMARY KEY (vault, principal)
);

-- The keys that rosters are signed with: which one from which version of the roster on.
CREATE TABLE authority (
    vault   BYTEA  NOT NULL,
    version BIGINT NOT NULL,
    vk      BYTEA  NOT NULL,
    PRIMARY KEY (vault, version)
);

CREATE TABLE audit (
    vault     BYTEA  NOT NULL,
    chain     BIGINT NOT NULL,
    seq       BIGINT NOT NULL,
    time      BIGINT NOT NULL,
    principal BYTEA  NOT NULL,
    action    BIGINT NOT NULL,
    scope     BYTEA,
    revision  BIGINT NOT NULL,
    outcome   BIGINT NOT NULL,
    prev_hash BYTEA  NOT NULL,
    hash      BYTEA  NOT NULL,
    PRIMARY KEY (vault, chain, seq)
);

-- Which replica appends to which chain, and until when others leave it alone. Two that append to
-- one chain are slow, not wrong: a place in a chain is taken once.
CREATE TABLE replica (
    chain  BIGINT      NOT NULL PRIMARY KEY,
    holder BYTEA       NOT NULL,
    until  TIMESTAMPTZ NOT NULL
);
