-- Occurrences that are over, the newest of them: what a broker that was away still retains must not begin again.
CREATE TABLE ended (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    bed TEXT NOT NULL,
    key TEXT NOT NULL,
    occurrence TEXT NOT NULL
) STRICT;
