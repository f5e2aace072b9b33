-- One row a process start. `position` is the order of starting: wall clocks may step back.
CREATE TABLE run (
    position INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL UNIQUE,
    boot_id TEXT NOT NULL,
    started_wall TEXT NOT NULL,
    last_event_seq INTEGER NOT NULL DEFAULT 0
) STRICT;

-- The alarms that stand now.
CREATE TABLE alarm_state (
    bed TEXT NOT NULL,
    key TEXT NOT NULL,
    occurrence TEXT NOT NULL,
    rev INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (bed, key)
) STRICT, WITHOUT ROWID;

-- The events that the broker has not acknowledged; `position` is the order in which they were committed.
CREATE TABLE outbox (
    position INTEGER PRIMARY KEY,
    run TEXT NOT NULL REFERENCES run (run_id),
    event_seq INTEGER NOT NULL,
    topic TEXT NOT NULL,
    payload BLOB NOT NULL,
    UNIQUE (run, event_seq)
) STRICT;

-- What happened, for ever; AUTOINCREMENT, so that the id of a pruned row never comes again.
CREATE TABLE journal (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    run TEXT NOT NULL REFERENCES run (run_id),
    kind TEXT NOT NULL,
    wall TEXT NOT NULL,
    synchronised INTEGER NOT NULL CHECK (synchronised IN (0, 1)),
    mono_s REAL NOT NULL,
    body TEXT NOT NULL
) STRICT;
