-- The hash that chains a row of the journal to the row before it (edge/chain.py). Rows of earlier versions have none.
ALTER TABLE journal ADD COLUMN hash BLOB CHECK (hash IS NULL OR length(hash) = 32);

-- What the run was configured by, as JSON, and the last time of day of it that was known to be right.
ALTER TABLE run ADD COLUMN configuration TEXT NOT NULL DEFAULT '';
ALTER TABLE run ADD COLUMN last_wall TEXT NOT NULL DEFAULT '';

-- What decides which events are left out first where the outbox is over its bounds: the priority of the alarm (1 low to
-- 3 high), and when it was (Unix seconds, 0 where the clock could not be trusted).
ALTER TABLE outbox ADD COLUMN priority INTEGER NOT NULL DEFAULT 3;
ALTER TABLE outbox ADD COLUMN wall_s REAL NOT NULL DEFAULT 0;
