"""The tables of memory, and what a reader may ask of them: `envisions query RUN "SELECT ..."`."""

SCHEMA_VERSION = 2

KEY = "run, iteration, problem, slot, kind"

SCHEMA = f"""
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS problems (
    row INTEGER PRIMARY KEY, id TEXT NOT NULL, split TEXT NOT NULL, body TEXT NOT NULL, UNIQUE (id, split, body));

-- What was tried. `digest` is over all other columns and the problem's, so that a changed byte is found.
CREATE TABLE IF NOT EXISTS attempts (
    row INTEGER PRIMARY KEY,
    run TEXT NOT NULL, iteration INTEGER NOT NULL, problem TEXT NOT NULL, slot INTEGER NOT NULL, kind TEXT NOT NULL,
    problem_row INTEGER NOT NULL REFERENCES problems,
    text TEXT NOT NULL, tokens BLOB NOT NULL, logprob REAL, weights INTEGER NOT NULL, seed INTEGER NOT NULL,
    finish TEXT NOT NULL, prompt TEXT NOT NULL, program TEXT NOT NULL,
    outcome TEXT NOT NULL, output TEXT, error TEXT NOT NULL, seconds REAL, evidence TEXT NOT NULL,
    parent TEXT, origin TEXT, versions INTEGER REFERENCES versions, digest BLOB NOT NULL,
    UNIQUE ({KEY}));
CREATE INDEX IF NOT EXISTS attempts_of_problem ON attempts (problem);
CREATE INDEX IF NOT EXISTS attempts_by_outcome ON attempts (iteration, kind, outcome, problem);
CREATE TABLE IF NOT EXISTS versions (row INTEGER PRIMARY KEY, body TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS quarantine (
    attempt INTEGER PRIMARY KEY REFERENCES attempts, reason TEXT NOT NULL, found TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS sources (folder TEXT PRIMARY KEY, body TEXT NOT NULL);

-- The books: `attempts`, `failures` and `in_flight` together are what counters named dispatched:KIND say.
CREATE TABLE IF NOT EXISTS failures (
    run TEXT NOT NULL, iteration INTEGER NOT NULL, problem TEXT NOT NULL, slot INTEGER NOT NULL, kind TEXT NOT NULL,
    outcome TEXT NOT NULL, error TEXT NOT NULL, times INTEGER NOT NULL,
    PRIMARY KEY ({KEY}));
CREATE TABLE IF NOT EXISTS in_flight (
    run TEXT NOT NULL, iteration INTEGER NOT NULL, problem TEXT NOT NULL, slot INTEGER NOT NULL, kind TEXT NOT NULL,
    PRIMARY KEY ({KEY})) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS finished (
    iteration INTEGER NOT NULL, split TEXT NOT NULL, problem TEXT NOT NULL, PRIMARY KEY (iteration, split, problem));
CREATE TABLE IF NOT EXISTS counters (
    iteration INTEGER NOT NULL, name TEXT NOT NULL, value INTEGER NOT NULL, PRIMARY KEY (iteration, name));
CREATE VIEW IF NOT EXISTS ledger AS
    SELECT iteration, SUBSTR(name, 12) AS kind, 'dispatched' AS entry, value AS n
        FROM counters WHERE name LIKE 'dispatched:%'
    UNION ALL SELECT iteration, kind, outcome, COUNT(*) FROM attempts
        WHERE iteration > 0 OR kind = 'evaluate' GROUP BY 1, 2, 3 -- the others are of earlier runs
    UNION ALL SELECT iteration, kind, outcome, COUNT(*) FROM failures WHERE ({KEY}) NOT IN (SELECT {KEY} FROM attempts)
        AND ({KEY}) NOT IN (SELECT {KEY} FROM in_flight) GROUP BY 1, 2, 3
    UNION ALL SELECT iteration, kind, 'in_flight', COUNT(*) FROM in_flight GROUP BY 1, 2;

-- What was learnt from it.
CREATE TABLE IF NOT EXISTS weights (version INTEGER PRIMARY KEY, path TEXT NOT NULL, fingerprint TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS reports (iteration INTEGER PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS lessons (
    iteration INTEGER NOT NULL, rank INTEGER NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL,
    right_row INTEGER NOT NULL REFERENCES attempts, wrong_row INTEGER REFERENCES attempts,
    PRIMARY KEY (iteration, rank));
CREATE INDEX IF NOT EXISTS lessons_by_right ON lessons (right_row);
CREATE INDEX IF NOT EXISTS lessons_by_wrong ON lessons (wrong_row);
CREATE TABLE IF NOT EXISTS steps (iteration INTEGER NOT NULL, step INTEGER NOT NULL, lesson TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS steps_of_iteration ON steps (iteration, step);
CREATE INDEX IF NOT EXISTS steps_of_lesson ON steps (lesson);
CREATE TABLE IF NOT EXISTS batches (
    iteration INTEGER NOT NULL, step INTEGER NOT NULL, digest TEXT NOT NULL, PRIMARY KEY (iteration, step));
"""
