-- What both connectors see in the log. Each paragraph is one transaction.

INSERT INTO numbers SELECT id + 10, flag, small, whole, large, oid_, single, double_, exact, exact0, wide, bare, negative_scale, above, cash, domain_, domain_price, domain_of_domain FROM numbers;

INSERT INTO numbers (id, single, double_, domain_price, domain_of_domain) VALUES (20, 'NaN', 'NaN', 1, 1), (21, 'Infinity', '-Infinity', 1, 1), (22, 3.4028235e38, 1.7976931348623157e308, 1, 1), (23, 1e-45, 5e-324, 1, 1);

INSERT INTO texts SELECT id + 10, t, v, v0, c, c1, one, n, ci, lt, b, u, j, jb, x, m, i, ci_, mac, mac8, ts, bit_, bit1, bit10, bit64, vb, vb0, r4, r8, rn, rd, rt, rz FROM texts;

INSERT INTO times SELECT id + 10, d, t, t0, t3, t4, tz, tz0, ts, ts0, ts3, ts4, z, z0, z3, i, ihm FROM times;

INSERT INTO arrays SELECT id + 10, flags, smalls, wholes, larges, singles, doubles, exacts, bares, texts, varchars, chars, names, citexts, dates, times, times3, timetzs, stamps, stamps3, zoneds, intervals, uuids, jsons, jsonbs, byteas, moods, inets, cidrs, macs, oids, ranges, tags_ FROM arrays;

INSERT INTO others SELECT id + 10, p, l, ls, bx, pa, po, ci, lsn, tid_, x32, x64, rc, rt, mr, mz, dims, moodless, tq, hs FROM others;

INSERT INTO defaults DEFAULT VALUES;
INSERT INTO computed_defaults DEFAULT VALUES;

UPDATE defaults SET t = NULL, b = NULL WHERE id = 1;
UPDATE numbers SET whole = 5 WHERE id = 1;
DELETE FROM numbers WHERE id = 2;

UPDATE required SET b = false;
DELETE FROM required;
DELETE FROM computed_defaults WHERE id = 1;
DELETE FROM defaults WHERE id = 2;

INSERT INTO keyless VALUES (4, 'four', 4);
UPDATE keyless SET c = 2 WHERE b = 'four';
DELETE FROM keyless WHERE b = 'one';

INSERT INTO composite VALUES (3, 'y', 'third');
UPDATE composite SET v = 'changed' WHERE b = 3;
UPDATE composite SET b = 30 WHERE b = 3;
UPDATE composite SET a = 'z', v = NULL WHERE b = 1;
DELETE FROM composite WHERE b = 30;

UPDATE full_identity SET v = 'b' WHERE id = 1;
UPDATE full_identity SET id = 2 WHERE id = 1;
DELETE FROM full_identity;

UPDATE by_index SET v = 'w' WHERE id = 1;
UPDATE by_index SET code = 'b' WHERE id = 1;
UPDATE by_index SET id = 2 WHERE id = 1;
DELETE FROM by_index;

UPDATE unique_only SET v = 'w';
UPDATE unique_only SET code = 'b';
DELETE FROM unique_only;

UPDATE toasted SET n = 2;

UPDATE toasted SET t = 'short';

DELETE FROM toasted;

INSERT INTO "Odd-Schema"."Ta.b le" VALUES (2, NULL, NULL, NULL);
UPDATE "Odd-Schema"."Ta.b le" SET "1st" = 7;
DELETE FROM "Odd-Schema"."Ta.b le" WHERE "Id" = 1;

INSERT INTO parted VALUES (3, 'eu', 'v');
UPDATE parted SET region = 'us' WHERE id = 3;
UPDATE parted SET v = 'w' WHERE id = 3;

INSERT INTO generated VALUES (2, 5);
UPDATE generated SET a = 6 WHERE id = 2;

-- wait

ALTER TABLE changing ADD b integer NOT NULL DEFAULT 5;
INSERT INTO changing VALUES (2, 'b', 6);

-- wait

ALTER TABLE changing ADD c numeric(5,1), ALTER b DROP NOT NULL;
UPDATE changing SET c = 1.5 WHERE id = 1;

-- wait

ALTER TABLE changing DROP a;
UPDATE changing SET b = NULL WHERE id = 1;

-- wait

ALTER TABLE changing RENAME b TO bb;
INSERT INTO changing VALUES (3, 1, 2);

-- wait

ALTER TABLE changing ALTER bb TYPE bigint;
INSERT INTO changing VALUES (4, 1, 2);

BEGIN; INSERT INTO composite VALUES (7, 'rolled', 'back'); ROLLBACK;

BEGIN; INSERT INTO composite VALUES (8, 'kept', 'a'); SAVEPOINT s; INSERT INTO composite VALUES (9, 'lost', 'b'); ROLLBACK TO s; UPDATE composite SET v = 'c' WHERE b = 8; COMMIT;

INSERT INTO empty VALUES (1), (2);

TRUNCATE empty, keyless;

TRUNCATE composite;

SELECT pg_logical_emit_message(true, 'audit', 'within');

SELECT pg_logical_emit_message(false, 'audit', 'outside');

-- wait

ALTER TYPE mood ADD VALUE 'angry' AFTER 'sad';

UPDATE texts SET m = 'angry' WHERE id = 1;
