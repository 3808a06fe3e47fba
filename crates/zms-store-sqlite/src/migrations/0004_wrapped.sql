-- Answers that wait, sealed, for whoever brings their token. spec/wrapped.md
CREATE TABLE wrapped (
    id      BLOB    NOT NULL PRIMARY KEY,
    expires INTEGER NOT NULL,
    sealed  BLOB    NOT NULL
) STRICT, WITHOUT ROWID;
