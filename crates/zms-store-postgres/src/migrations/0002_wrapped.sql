-- Answers that wait, sealed, for whoever brings their token. spec/wrapped.md
CREATE TABLE wrapped (
    vault   BYTEA  NOT NULL,
    id      BYTEA  NOT NULL,
    expires BIGINT NOT NULL,
    sealed  BYTEA  NOT NULL,
    PRIMARY KEY (vault, id)
);
