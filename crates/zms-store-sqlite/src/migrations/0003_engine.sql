-- What an engine needs beside what readers need. spec/engine.md

-- The keys that rosters are signed with: which one from which version of the roster on.
CREATE TABLE authority (
    version INTEGER NOT NULL PRIMARY KEY,
    vk      BLOB    NOT NULL
) STRICT, WITHOUT ROWID;

-- How many commits there were: what was made from a state is good until this moves.
CREATE TABLE state (
    one     INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    commits INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO state VALUES (1, 0);
