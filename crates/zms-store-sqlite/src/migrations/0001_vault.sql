-- Every table is keyed by what it is read by and clustered in that order (WITHOUT ROWID): the
-- live rows of a scope lie side by side, and its head is the last of its revisions.
-- Integers that stand for unsigned 64-bit numbers keep their bits. spec/store.md#sqlite

-- The one vault kept here, and how many members the current roster has.
CREATE TABLE vault (
    one     INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    id      BLOB    NOT NULL,
    members INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE roster (
    version   INTEGER NOT NULL PRIMARY KEY,
    message   BLOB    NOT NULL,
    signature BLOB    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE member (
    principal   BLOB NOT NULL PRIMARY KEY,
    line        BLOB NOT NULL,
    keyring     BLOB NOT NULL,
    escrow      BLOB NOT NULL,
    request_key BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE departed (
    principal BLOB    NOT NULL PRIMARY KEY,
    at        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The members' tree of the current roster: each member's place and hashes, and all nodes, 64 of
-- 32 bytes to a row, so that a proof reads a few short rows whatever the number of members.
CREATE TABLE leaf (
    principal BLOB    NOT NULL PRIMARY KEY,
    at        INTEGER NOT NULL,
    line      BLOB    NOT NULL,
    escrow    BLOB    NOT NULL,
    keyring   BLOB    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE node (
    chunk  INTEGER NOT NULL PRIMARY KEY,
    hashes BLOB    NOT NULL
) STRICT, WITHOUT ROWID;

-- Kept for ever: a scope that has a row here never begins again.
CREATE TABLE revision (
    scope     BLOB    NOT NULL,
    revision  INTEGER NOT NULL,
    message   BLOB    NOT NULL,
    signature BLOB    NOT NULL,
    PRIMARY KEY (scope, revision)
) STRICT, WITHOUT ROWID;

-- Live records. The hash of the envelope stands before it, so that a bare record is read without
-- the pages a long envelope spills over.
CREATE TABLE record (
    scope      BLOB    NOT NULL,
    name_index BLOB    NOT NULL,
    rev_from   INTEGER NOT NULL,
    epoch      INTEGER NOT NULL,
    hash       BLOB    NOT NULL,
    envelope   BLOB    NOT NULL,
    PRIMARY KEY (scope, name_index)
) STRICT, WITHOUT ROWID;

-- Records that ended, apart, so that the live ones stay close together.
CREATE TABLE ended (
    scope      BLOB    NOT NULL,
    name_index BLOB    NOT NULL,
    rev_from   INTEGER NOT NULL,
    rev_to     INTEGER NOT NULL,
    epoch      INTEGER NOT NULL,
    envelope   BLOB    NOT NULL,
    PRIMARY KEY (scope, name_index, rev_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE child (
    scope       BLOB    NOT NULL,
    child_index BLOB    NOT NULL,
    child       BLOB    NOT NULL,
    child_epoch INTEGER NOT NULL,
    envelope    BLOB    NOT NULL,
    PRIMARY KEY (scope, child_index)
) STRICT, WITHOUT ROWID;

-- A child is live in one place; the same index leads from it to its parent.
CREATE UNIQUE INDEX child_place ON child (child);

-- The sealed way from an epoch to the one before.
CREATE TABLE past (
    scope    BLOB    NOT NULL,
    epoch    INTEGER NOT NULL,
    envelope BLOB    NOT NULL,
    PRIMARY KEY (scope, epoch)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
    chain     INTEGER NOT NULL,
    seq       INTEGER NOT NULL,
    time      INTEGER NOT NULL,
    principal BLOB    NOT NULL,
    action    INTEGER NOT NULL,
    scope     BLOB,
    revision  INTEGER NOT NULL,
    outcome   INTEGER NOT NULL,
    prev_hash BLOB    NOT NULL,
    hash      BLOB    NOT NULL,
    PRIMARY KEY (chain, seq)
) STRICT, WITHOUT ROWID;
