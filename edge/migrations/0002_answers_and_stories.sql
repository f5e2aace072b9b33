-- What was answered to requests, so that a repeat gets the same answer; `position` is the order of answering.
CREATE TABLE answer (
    position INTEGER PRIMARY KEY,
    station TEXT NOT NULL,
    request_id TEXT NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (station, request_id)
) STRICT;

-- The journal with the words that the story of an alarm is told by. A body that is no JSON has none of them, and is no
-- reason to refuse its row: hence the CASE, which stands in the index in the same words.
CREATE VIEW story AS
SELECT
    id, run, kind, wall, synchronised, mono_s, body,
    CASE WHEN json_valid(body) THEN json_extract(body, '$.occurrence') END AS occurrence,
    CASE WHEN json_valid(body) THEN json_extract(body, '$.phase') END AS phase,
    CASE WHEN json_valid(body) THEN json_extract(body, '$.bed') END AS bed,
    CASE WHEN json_valid(body) THEN json_extract(body, '$.key') END AS key,
    CASE WHEN json_valid(body) THEN json_extract(body, '$.text') END AS text
FROM journal;

CREATE INDEX journal_occurrence ON journal (CASE WHEN json_valid(body) THEN json_extract(body, '$.occurrence') END);
