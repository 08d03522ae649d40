"""SQL with which `RowMatcher` joins the rows of a file with a location's recipients."""

from typing import Final

SCHEMA: Final = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA temp_store = FILE;
PRAGMA cache_size = -16384;
CREATE TABLE problem (line INTEGER, code TEXT, detail TEXT);
CREATE TABLE file_row (n INTEGER PRIMARY KEY, line INTEGER, key TEXT, alias TEXT, id TEXT, body BLOB);
CREATE TABLE recipient (n INTEGER PRIMARY KEY, id TEXT UNIQUE, from_file INTEGER, body BLOB);
CREATE TABLE recipient_key (key TEXT, recipient INTEGER);
CREATE TABLE other_address (key TEXT, recipient INTEGER);
CREATE TABLE without_address (recipient INTEGER PRIMARY KEY);
CREATE TABLE already_deactivated (id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE kept (id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE kept_key (key TEXT, id TEXT);
CREATE TABLE row_match (row INTEGER PRIMARY KEY, candidates INTEGER, recipient INTEGER);
CREATE TABLE match_count (recipient INTEGER PRIMARY KEY, rows INTEGER);
CREATE TABLE known (row INTEGER PRIMARY KEY, recipient INTEGER);
CREATE TABLE namesake (name TEXT PRIMARY KEY, recipient INTEGER) WITHOUT ROWID;
CREATE TABLE twin (key TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE VIEW missing AS
    SELECT * FROM recipient
    WHERE from_file AND n NOT IN (SELECT recipient FROM match_count) AND id NOT IN (SELECT id FROM kept);
CREATE VIEW affected AS SELECT id FROM missing UNION SELECT id FROM already_deactivated;
"""
#: Adds a problem for every row whose person an earlier row is about. A row without an address is about the
#: employee of a row with one; two rows with different addresses are about two people, even with the same employee id.
#: Rows of an export are about the recipients with their ids: two of these can have one address, or none.
#: Grouping by name first avoids comparing every pair of a million rows with the same name.
DUPLICATES: Final = """
CREATE INDEX row_key ON file_row (key);
CREATE TABLE name AS
    SELECT COALESCE('id:' || id, key) AS name, line, 0 AS alias FROM file_row
    UNION ALL SELECT alias, line, 1 FROM file_row WHERE alias IS NOT NULL AND id IS NULL;
CREATE TABLE first AS
    SELECT name, MIN(line) AS by_any, MIN(CASE WHEN alias = 0 THEN line END) AS by_key FROM name GROUP BY name;
CREATE INDEX first_name ON first (name);
INSERT INTO problem
    SELECT line, 'duplicate', 'Line ' || first || ' is about the same person.' FROM (
        SELECT name.line AS line, MIN(CASE WHEN alias THEN by_key ELSE by_any END) AS first
        FROM name JOIN first USING (name) GROUP BY name.line HAVING first < name.line
    );
DROP TABLE name;
DROP TABLE first;
"""
CLEAR: Final = """
DELETE FROM problem;
DELETE FROM recipient;
DELETE FROM recipient_key;
DELETE FROM other_address;
DELETE FROM without_address;
DELETE FROM row_match;
DELETE FROM match_count;
DELETE FROM known;
DELETE FROM twin;
DELETE FROM namesake;
"""
#: Lets rows mean recipients by what these were before a person changed them.
FORMER_KEYS: Final = """
INSERT INTO recipient_key
    SELECT key, recipient.n FROM kept_key JOIN recipient USING (id) EXCEPT SELECT key, recipient FROM recipient_key;
"""
#: Finds the recipients whose ids the rows of an export have.
KNOWN: Final = """
INSERT INTO known
    SELECT file_row.n, recipient.n FROM file_row JOIN recipient ON recipient.id = file_row.id
    WHERE file_row.id IS NOT NULL;
"""
#: Finds the recipients that each other row can mean by its address, or without one by its employee id or name; and then
#: by another address of a recipient.
MATCH: Final = """
CREATE TABLE pair AS
    SELECT * FROM known
    UNION ALL SELECT file_row.n, recipient_key.recipient FROM recipient_key JOIN file_row USING (key)
    WHERE file_row.n NOT IN (SELECT row FROM known);
INSERT INTO row_match SELECT row, COUNT(*), MIN(recipient) FROM pair GROUP BY row;
CREATE TABLE other_pair AS
    SELECT file_row.n AS row, recipient FROM other_address JOIN file_row USING (key)
    WHERE file_row.n NOT IN (SELECT row FROM row_match);
INSERT INTO row_match SELECT row, COUNT(*), MIN(recipient) FROM other_pair GROUP BY row;
INSERT INTO match_count
    SELECT recipient, COUNT(*) FROM (SELECT * FROM pair UNION ALL SELECT * FROM other_pair) GROUP BY recipient;
DROP TABLE pair;
DROP TABLE other_pair;
CREATE TABLE open AS
    SELECT n AS row, alias FROM file_row WHERE alias IS NOT NULL AND n NOT IN (SELECT row FROM row_match);
"""
#: Finds, for the other rows with an address, recipients with their employee id that no row means. One is meant if no
#: other row has that id. It is in doubt if there are several, or several rows, and a recipient has no address.
MATCH_EMPLOYEES: Final = """
CREATE INDEX open_alias ON open (alias);
CREATE TABLE employee AS
    SELECT key AS alias, recipient FROM recipient_key
    WHERE key IN (SELECT alias FROM open) AND recipient NOT IN (SELECT recipient FROM match_count);
CREATE TABLE choice AS
    SELECT alias, COUNT(*) AS candidates, MIN(recipient) AS recipient,
        MAX(recipient IN (SELECT recipient FROM without_address)) AS doubtful,
        0 AS rows
    FROM employee GROUP BY alias;
CREATE UNIQUE INDEX choice_alias ON choice (alias);
CREATE TABLE bearer AS
    SELECT alias, COUNT(*) AS rows FROM file_row WHERE alias IN (SELECT alias FROM choice) GROUP BY alias;
UPDATE choice SET rows = (SELECT rows FROM bearer WHERE bearer.alias = choice.alias);
DROP TABLE bearer;
DELETE FROM choice WHERE NOT doubtful AND (candidates > 1 OR rows > 1);
INSERT INTO row_match SELECT row, candidates, recipient FROM open JOIN choice USING (alias);
INSERT INTO match_count SELECT employee.recipient, rows FROM employee JOIN choice USING (alias);
DROP TABLE employee;
DROP TABLE choice;
"""
#: Finds the keys of several rows that mean no recipient: an export of another location can have some.
TWINS: Final = """
INSERT INTO twin
    SELECT key FROM file_row WHERE n NOT IN (SELECT row FROM row_match) GROUP BY key HAVING COUNT(*) > 1;
"""
MATCHED_ROWS: Final = """
SELECT file_row.body, COALESCE(candidates, 0), recipient.body, COALESCE(match_count.rows > 1, twin.key IS NOT NULL)
FROM file_row
LEFT JOIN row_match ON row_match.row = file_row.n
LEFT JOIN recipient ON recipient.n = row_match.recipient AND candidates = 1
LEFT JOIN match_count ON match_count.recipient = recipient.n
LEFT JOIN twin ON twin.key = file_row.key AND candidates IS NULL
ORDER BY file_row.key
"""
#: Rows that mean no recipient, by line, and recipients that no row means.
NEW_ROWS: Final = "SELECT body FROM file_row WHERE n NOT IN (SELECT row FROM row_match) ORDER BY n"
OTHER_RECIPIENTS: Final = "SELECT n, body FROM recipient WHERE n NOT IN (SELECT recipient FROM match_count)"
NAMESAKE: Final = "SELECT body FROM recipient JOIN namesake ON namesake.recipient = recipient.n WHERE name = ?"
