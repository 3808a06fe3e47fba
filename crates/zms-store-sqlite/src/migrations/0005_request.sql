-- Requests that were noted, until none that is the same is good any more. spec/engine.md#requests
CREATE TABLE request (
    principal  BLOB    NOT NULL,
    mac        BLOB    NOT NULL,
    good_until INTEGER NOT NULL,
    PRIMARY KEY (principal, mac)
) STRICT, WITHOUT ROWID;
