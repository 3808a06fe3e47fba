-- How often members that have only so many uses were used.
CREATE TABLE spent (
    principal BLOB    NOT NULL PRIMARY KEY,
    uses      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
