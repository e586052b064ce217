package schema

import (
	"strings"
	"testing"
)

// TestMySQL holds the rule to what is MySQL's own. e is expand, c contract, u
// unknown.
func TestMySQL(t *testing.T) {
	for name, c := range map[string]struct{ sql, want string }{
		"many clauses, one bad":                     {"ALTER TABLE `a` ADD COLUMN `b` INT NULL, ADD INDEX `x` (`b`), DROP COLUMN `c`;", "c"},
		"many clauses, all good":                    {"ALTER TABLE `a` ADD COLUMN `b` INT NULL, ADD COLUMN `c` INT NOT NULL DEFAULT 1 AFTER `b`, ADD INDEX `x` (`b`), ALGORITHM=INPLACE, LOCK=NONE;", "e"},
		"columns in brackets":                       {"ALTER TABLE a ADD COLUMN (b int, c int NOT NULL);", "c"},
		"required, no default":                      {"ALTER TABLE a ADD COLUMN b varchar(20) NOT NULL;", "c"},
		"required, with NULL for a default":         {"ALTER TABLE a ADD COLUMN b varchar(20) NOT NULL DEFAULT NULL;", "c"},
		"required, with a default":                  {"ALTER TABLE a ADD COLUMN b datetime(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3);", "e"},
		"required, with an expression":              {"ALTER TABLE a ADD COLUMN b json NOT NULL DEFAULT (json_array());", "e"},
		"a required ENUM has a first value":         {"ALTER TABLE a ADD COLUMN b ENUM('x','y') NOT NULL;", "e"},
		"a unique ENUM has one too":                 {"ALTER TABLE a ADD COLUMN b ENUM('x','y') NOT NULL UNIQUE;", "c"},
		"a required SET has none":                   {"ALTER TABLE a ADD COLUMN b SET('x','y') NOT NULL;", "c"},
		"unique, one default for all":               {"ALTER TABLE a ADD COLUMN b int UNIQUE DEFAULT 1;", "c"},
		"unique, another default each":              {"ALTER TABLE a ADD COLUMN b char(36) UNIQUE DEFAULT (uuid());", "e"},
		"a key that counts":                         {"ALTER TABLE a ADD COLUMN b bigint unsigned AUTO_INCREMENT PRIMARY KEY FIRST;", "e"},
		"a column that is computed":                 {"ALTER TABLE a ADD COLUMN b varchar(10) AS (concat(c, d)) STORED;", "u"},
		"a column that is there or not":             {"ALTER TABLE a ADD COLUMN IF NOT EXISTS b int; ALTER TABLE a DROP COLUMN b;", "ec"},
		"a column is defined anew":                  {"ALTER TABLE a MODIFY COLUMN b bigint NOT NULL;", "u"},
		"a column is defined anew and unique":       {"ALTER TABLE a MODIFY COLUMN b bigint NOT NULL UNIQUE;", "c"},
		"an ENUM is defined anew":                   {"ALTER TABLE a MODIFY COLUMN b ENUM('x','y','z') NOT NULL DEFAULT 'x';", "u"},
		"a column gets its own name":                {"ALTER TABLE a CHANGE COLUMN `b` `B` bigint NULL;", "u"},
		"a column gets another name":                {"ALTER TABLE a CHANGE COLUMN b c bigint NULL;", "c"},
		"a column gets another name, plainly":       {"ALTER TABLE a RENAME COLUMN b TO c;", "c"},
		"a new column is defined anew":              {"ALTER TABLE a ADD COLUMN b int NULL; ALTER TABLE a MODIFY COLUMN B bigint NULL;", "ee"},
		"a new column becomes required":             {"ALTER TABLE a ADD COLUMN b int NULL; ALTER TABLE a MODIFY b int NOT NULL;", "ec"},
		"a new column becomes required, filled":     {"ALTER TABLE a ADD COLUMN b int NULL; UPDATE a SET b = 1; ALTER TABLE a MODIFY b int NOT NULL DEFAULT 1;", "eee"},
		"a new column loses its default":            {"ALTER TABLE a ADD COLUMN b int NOT NULL DEFAULT 1; ALTER TABLE a MODIFY b int NOT NULL;", "ec"},
		"a new column gets another name":            {"ALTER TABLE a ADD COLUMN b int NULL; ALTER TABLE a CHANGE b c int NULL; ALTER TABLE a DROP b;", "eec"},
		"a column of a new table":                   {"CREATE TABLE `a` (`i` int); ALTER TABLE `a` MODIFY `i` smallint NOT NULL, DROP COLUMN `j`;", "ee"},
		"a default goes":                            {"ALTER TABLE a ALTER COLUMN b DROP DEFAULT;", "c"},
		"a default of NULL":                         {"ALTER TABLE a ALTER COLUMN b SET DEFAULT NULL;", "c"},
		"a default comes":                           {"ALTER TABLE a ALTER COLUMN b SET DEFAULT 5;", "e"},
		"a column is hidden":                        {"ALTER TABLE a ALTER COLUMN b SET INVISIBLE;", "u"},
		"tables get other names":                    {"RENAME TABLE a TO b, c TO d;", "c"},
		"a table gets another name":                 {"ALTER TABLE a RENAME TO b;", "c"},
		"a new table gets another name":             {"CREATE TABLE n (i int); RENAME TABLE n TO m; DROP TABLE m; DROP TABLE n;", "eeec"},
		"an index":                                  {"CREATE INDEX x ON a (b(20)); ALTER TABLE a ADD FULLTEXT KEY y (c);", "ee"},
		"an index goes":                             {"DROP INDEX x ON a; ALTER TABLE a DROP INDEX y; ALTER TABLE a RENAME INDEX z TO w;", "uuu"},
		"a new index goes":                          {"CREATE INDEX X ON a (b); DROP INDEX x ON a; DROP INDEX x ON b;", "eeu"},
		"an index of an expression":                 {"CREATE INDEX x ON a ((lower(b))); CREATE INDEX y ON a ((CAST(b AS UNSIGNED)));", "eu"},
		"unique":                                    {"ALTER TABLE a ADD UNIQUE INDEX x (b); CREATE UNIQUE INDEX y ON a (c); ALTER TABLE a ADD CONSTRAINT z UNIQUE (d);", "ccc"},
		"unique over a new column":                  {"ALTER TABLE a ADD COLUMN b int NULL, ADD UNIQUE KEY x (b);", "e"},
		"a primary key":                             {"ALTER TABLE a DROP PRIMARY KEY, ADD PRIMARY KEY (b, c);", "c"},
		"a foreign key":                             {"ALTER TABLE a ADD CONSTRAINT f FOREIGN KEY (b) REFERENCES c (id) ON DELETE CASCADE;", "c"},
		"a foreign key of a new column":             {"ALTER TABLE a ADD COLUMN b int NULL, ADD CONSTRAINT f FOREIGN KEY (b) REFERENCES c (id);", "e"},
		"a foreign key goes":                        {"ALTER TABLE a DROP FOREIGN KEY f; ALTER TABLE a DROP CONSTRAINT g; ALTER TABLE a DROP CHECK h;", "uuu"},
		"a check":                                   {"ALTER TABLE a ADD CONSTRAINT k CHECK (b > 0);", "c"},
		"a check that lets empty ones through":      {"ALTER TABLE a ADD COLUMN b int NULL CHECK (b > 0 AND b < 10);", "e"},
		"a check that wants a value":                {"ALTER TABLE a ADD COLUMN b int NULL, ADD CONSTRAINT k CHECK (b IS NOT NULL);", "c"},
		"how rows are kept":                         {"ALTER TABLE a COMMENT = 'x', ROW_FORMAT = DYNAMIC, AUTO_INCREMENT = 100, DEFAULT CHARSET = utf8mb4;", "e"},
		"other letters":                             {"ALTER TABLE a CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci; ALTER TABLE a ENGINE=MyISAM;", "uu"},
		"partitions":                                {"ALTER TABLE a ADD PARTITION (PARTITION p1 VALUES LESS THAN (10)); ALTER TABLE a DROP PARTITION p0; ALTER TABLE a TRUNCATE PARTITION p0; ALTER TABLE a PARTITION BY HASH(id) PARTITIONS 4;", "eccu"},
		"backticks":                                 {"CREATE TABLE `a;b` (i int); DROP TABLE `a;b`; DROP TABLE `a``b`;", "eec"},
		"a backslash before a quote":                {`ALTER TABLE a COMMENT = 'it\'s; '; DROP TABLE b;`, "ec"},
		"a backslash before a double quote":         {`INSERT INTO a VALUES ("x\"; "); DROP TABLE b;`, "uc"},
		"double quotes are texts":                   {`DROP TABLE "a";`, "u"},
		"a sharp":                                   {"# DROP TABLE a;\nDROP TABLE b;", "c"},
		"a sharp in a text":                         {"ALTER TABLE a COMMENT = '# '; DROP TABLE b;", "ec"},
		"two dashes that are a sum":                 {"SELECT 1--1; DROP TABLE b;", "ec"},
		"two dashes that are a comment":             {"-- DROP TABLE a;\nSELECT 1; --\tDROP TABLE c;\n", "e"},
		"comments do not nest":                      {"/* /* */ DROP TABLE a; -- */", "c"},
		"a comment that is run":                     {"/*!40000 DROP TABLE a */;", "c"},
		"a comment that MariaDB runs":               {"/*M!100100 DROP TABLE a */;", "c"},
		"a comment that is a hint":                  {"SELECT /*+ MAX_EXECUTION_TIME(1000) */ count(*) FROM a;", "e"},
		"a comment that only TiDB runs":             {"ALTER TABLE a ADD COLUMN b int NOT NULL /*T![clustered_index] DEFAULT 1 */;", "c"},
		"a default that not all servers see":        {"ALTER TABLE a ADD COLUMN b int NOT NULL /*!99999 DEFAULT 1 */;", "c"},
		"a comment ends in a text":                  {"ALTER TABLE a COMMENT = '/*!', DROP COLUMN b, COMMENT = '*/';", "c"},
		"a comment in a comment that is run":        {"/*!40000 CREATE TABLE a (i int) /* x */ */;", "u"},
		"odd digits":                                {"/*!4000 CREATE TABLE a (i int) */;", "u"},
		"a table that not all servers have":         {"/*!99999 CREATE TABLE users (i int) */; DROP TABLE users;", "eu"},
		"a name that not all servers give":          {"CREATE TABLE n (i int); /*!99999 ALTER TABLE n RENAME TO users */; DROP TABLE users;", "euc"},
		"what a dump says":                          {"/*!40101 SET NAMES utf8mb4 */;\n/*!40014 SET FOREIGN_KEY_CHECKS=0 */;\nCREATE TABLE `a` (`i` int) ENGINE=InnoDB /*!40100 DEFAULT CHARSET=utf8mb4 */;\nLOCK TABLES `a` WRITE;\n/*!40000 ALTER TABLE `a` DISABLE KEYS */;\nINSERT INTO `a` VALUES (1);\nUNLOCK TABLES;", "eeeeeee"},
		"a delimiter":                               {"DELIMITER //\nCREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW BEGIN SET NEW.b = 1; DELETE FROM c; END//\nDELIMITER ;\nDROP TABLE b;", "uc"},
		"a delimiter of dollars":                    {"delimiter $$\r\nDROP TABLE a$$\r\ndelimiter ;\r\nSELECT 1;", "ce"},
		"a procedure that is called":                {"DELIMITER //\nCREATE PROCEDURE p() BEGIN IF 1 THEN ALTER TABLE a DROP b; END IF; END//\nDELIMITER ;\nCALL p();\nDROP PROCEDURE p;", "uuc"},
		"a procedure that nobody calls":             {"CREATE PROCEDURE p() BEGIN DECLARE i INT; SELECT count(*) INTO i FROM a; END; DROP PROCEDURE p;", "ee"},
		"a trigger without a delimiter":             {"CREATE TRIGGER t AFTER INSERT ON a FOR EACH ROW BEGIN IF NEW.b THEN DELETE FROM c; END IF; END; DROP TABLE b;", "uc"},
		"a trigger of one statement":                {"CREATE TRIGGER t AFTER INSERT ON a FOR EACH ROW SET @x = 1; DROP TRIGGER u;", "uc"},
		"an event":                                  {"CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM a;", "u"},
		"code that is made of text":                 {"SET @s = 'DROP TABLE a'; PREPARE x FROM @s; EXECUTE x; DEALLOCATE PREPARE x;", "euue"},
		"quotes that the server reads anew":         {"SET SESSION sql_mode = 'ANSI_QUOTES'; SET sql_mode = CONCAT(@@sql_mode, ',NO_BACKSLASH_ESCAPES'); SET sql_mode = 4;", "uuu"},
		"modes that change no reading":              {"SET @old = @@sql_mode, sql_mode = 'NO_AUTO_VALUE_ON_ZERO';", "e"},
		"letters that the server reads anew":        {"SET NAMES gbk;", "u"},
		"the whole server":                          {"SET GLOBAL time_zone = '+00:00'; SET PERSIST x = 1;", "uu"},
		"another database":                          {"CREATE TABLE a (i int); USE other; DROP TABLE a;", "eec"},
		"a new database":                            {"CREATE DATABASE d; CREATE TABLE d.a (i int); DROP DATABASE d; DROP DATABASE other;", "eeec"},
		"views":                                     {"CREATE VIEW v AS SELECT 1; CREATE OR REPLACE VIEW w AS SELECT 1; DROP VIEW x;", "euc"},
		"a temporary table":                         {"CREATE TEMPORARY TABLE users (i int); DROP TEMPORARY TABLE users; DROP TABLE users;", "eeu"},
		"made from a query":                         {"CREATE TABLE a AS SELECT * FROM b; CREATE TABLE c LIKE b; DROP TABLE c;", "eee"},
		"rows go":                                   {"DELETE FROM a WHERE b = 1; TRUNCATE TABLE c; DELETE x FROM a x JOIN b y ON x.i = y.i;", "ccc"},
		"rows come":                                 {"INSERT INTO a (b) VALUES (1); REPLACE INTO a VALUES (1); INSERT INTO a VALUES (1) ON DUPLICATE KEY UPDATE b = 2; LOAD DATA INFILE 'x' INTO TABLE a;", "uuuu"},
		"rows of a new table":                       {"CREATE TABLE n (i int); INSERT INTO n SELECT id FROM a; DELETE FROM n; TRUNCATE n;", "eeee"},
		"a new column is filled":                    {"ALTER TABLE a ADD COLUMN b int; UPDATE a SET b = c + 1 WHERE b IS NULL;", "ee"},
		"a new column is filled from another table": {"ALTER TABLE a ADD COLUMN b int; UPDATE a x JOIN c y ON x.id = y.a_id SET x.b = y.n;", "ee"},
		"an old one is filled too":                  {"ALTER TABLE a ADD COLUMN b int; UPDATE a x JOIN c y ON x.id = y.a_id SET x.b = y.n, y.m = 1;", "eu"},
		"which one is filled nobody can tell":       {"ALTER TABLE a ADD COLUMN b int; UPDATE a JOIN c ON a.id = c.a_id SET b = 1;", "eu"},
		"a function is asked":                       {"SELECT drop_everything(); UPDATE a SET b = mine.lower(c);", "uu"},
		"a file is written":                         {"SELECT * FROM a INTO OUTFILE '/tmp/x';", "u"},
		"rights":                                    {"GRANT SELECT ON d.* TO 'u'@'%'; REVOKE SELECT ON d.* FROM 'u'@'%'; CREATE USER 'v'@'%'; DROP USER 'u'@'%';", "ecec"},
		"Postgres' own words":                       {"ALTER TABLE a ALTER COLUMN b TYPE bigint;", "u"},
		"not SQL":                                   {"please drop users;", "u"},
		"unfinished":                                {"CREATE TABLE a (i int", "u"},
		"an unfinished comment that is run":         {"/*!40000 DROP TABLE a", "u"},
	} {
		got := ""
		for _, s := range Classify(Options{Dialect: MySQL}, []File{{Path: "a.sql", Text: []byte(c.sql)}})[0].Statements {
			got += string(s.Class[0])
			if s.Reason == "" || s.Line < 1 {
				t.Errorf("%s: %+v", name, s)
			}
		}
		if got != c.want {
			t.Errorf("%s: %s is %q, and should be %q", name, c.sql, got, c.want)
		}
	}
}

// TestMySQLLines are those that statements begin in, after delimiters too.
func TestMySQLLines(t *testing.T) {
	text := "-- x\nDELIMITER //\nCREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW\nBEGIN\n  SET NEW.b = 1;\nEND//\n\nDELIMITER ;\nDROP TABLE b;\n"
	m := Classify(Options{Dialect: MySQL}, []File{{Path: "a.sql", Text: []byte(text)}})[0]
	if len(m.Statements) != 2 || m.Statements[0].Line != 3 || m.Statements[1].Line != 9 || !strings.HasSuffix(m.Statements[0].Text, "END") {
		t.Errorf("%+v", m.Statements)
	}
}
