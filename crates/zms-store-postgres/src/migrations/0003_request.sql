-- Requests that were noted, until none that is the same is good any more. spec/engine.md#requests
CREATE TABLE request (
    vault      BYTEA  NOT NULL,
    principal  BYTEA  NOT NULL,
    mac        BYTEA  NOT NULL,
    good_until BIGINT NOT NULL,
    PRIMARY KEY (vault, principal, mac)
);
CREATE INDEX request_good_until ON request (vault, good_until);
