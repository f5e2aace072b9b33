-- The therapies in force: patients, orders, phases, totals, a row a part. What was is in the journal.
CREATE TABLE therapy (
    bed TEXT NOT NULL,
    part TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (bed, part)
) STRICT, WITHOUT ROWID;
