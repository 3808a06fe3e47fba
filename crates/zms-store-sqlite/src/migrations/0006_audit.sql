-- Entries are appended, and a table that is kept in the order of its row numbers is the one that
-- SQLite appends to without moving what is there: a transaction of reads writes one page, where it
-- wrote four or six of them in every second one. This database holds one chain, so its number is none
-- of a row's business.
CREATE TABLE appended (
    seq       INTEGER PRIMARY KEY,
    time      INTEGER NOT NULL,
    principal BLOB    NOT NULL,
    action    INTEGER NOT NULL,
    scope     BLOB,
    revision  INTEGER NOT NULL,
    outcome   INTEGER NOT NULL,
    prev_hash BLOB    NOT NULL,
    hash      BLOB    NOT NULL
) STRICT;
INSERT INTO appended
    SELECT seq, time, principal, action, scope, revision, outcome, prev_hash, hash
    FROM audit WHERE chain = 0 ORDER BY seq;
DROP TABLE audit;
ALTER TABLE appended RENAME TO audit;
