-- What the snapshot reads. Each paragraph is one transaction.

CREATE EXTENSION citext; CREATE EXTENSION hstore; CREATE EXTENSION ltree;

CREATE TYPE mood AS ENUM ('sad', 'ok', 'very happy');
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE DOMAIN price AS numeric(8,2) NOT NULL;
CREATE DOMAIN tags AS text[];
CREATE DOMAIN small_price AS price;

CREATE TABLE numbers (
  id integer PRIMARY KEY,
  flag boolean, small smallint, whole integer, large bigint, oid_ oid,
  single real, double_ double precision,
  exact numeric(10,2), exact0 numeric(10), wide numeric(38,10), bare numeric, negative_scale numeric(3,-2), above numeric(2,4),
  cash money, domain_ positive, domain_price price, domain_of_domain small_price
);
INSERT INTO numbers VALUES
  (1, true, -32768, 2147483647, -9223372036854775808, 4294967295, 1.5, -0.1, -12.3, 99, -1234567890123456789012345678.0000000001, 1e30, 12300, 0.0012, -1234.56, 7, 7, 3.5),
  (2, false, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0.00500, 0, 0, 0, 1, 0, 0),
  (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 1, 1);

CREATE TABLE texts (
  id bigint PRIMARY KEY,
  t text, v varchar(20), v0 varchar, c char(3), c1 char, one "char", n name, ci citext, lt ltree,
  b bytea, u uuid, j json, jb jsonb, x xml, m mood, hs hstore,
  i inet, ci_ cidr, mac macaddr, mac8 macaddr8, ts tsvector, tq tsquery,
  bit_ bit, bit1 bit(1), bit10 bit(10), bit64 bit(64), vb varbit(12), vb0 varbit,
  r4 int4range, r8 int8range, rn numrange, rd daterange, rt tsrange, rz tstzrange
);
INSERT INTO texts VALUES
  (1, 'snow ❄ "quoted"', 'a', 'b', 'a', 'c', 'x', 'a', 'CaSe', 'Top.Science', '\x00ff10', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
   '{"b": 1,  "a": 2}', '{"b": 1,  "a": 2}', '<a>1</a>', 'ok', 'a=>1, "b c"=>NULL', '192.168.0.1/24', '10.0.0.0/8', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05', 'a b', 'a & b',
   '1', '0', '1000000001', B'1010101010101010101010101010101010101010101010101010101010101011', '101', '100000001',
   '[1,5)', '[1,5]', '(1.5,2.5)', '[2024-01-01,2024-02-01)', '[2024-01-01 00:00,2024-02-01 00:00)', '[2024-01-01 00:00+00,2024-02-01 00:00+00)'),
  (2, '', '', '', '', '', '', '', '', '', '', '00000000-0000-0000-0000-000000000000', 'null', 'null', '', 'sad', '', '::1', '::/0', '00:00:00:00:00:00', '00:00:00:00:00:00:00:00', '', '',
   '0', '1', '0000000000', B'0000000000000000000000000000000000000000000000000000000000000000', '', '', 'empty', 'empty', 'empty', 'empty', 'empty', 'empty');
INSERT INTO texts (id) VALUES (3);

CREATE TABLE times (
  id integer PRIMARY KEY,
  d date, t time, t0 time(0), t3 time(3), t4 time(4), tz timetz, tz0 timetz(0), ts timestamp, ts0 timestamp(0), ts3 timestamp(3), ts4 timestamp(4),
  z timestamptz, z0 timestamptz(0), z3 timestamptz(3), i interval, ihm interval hour to minute
);
INSERT INTO times VALUES
  (1, '2024-02-29', '23:59:59.999999', '23:59:59', '23:59:59.999', '23:59:59.9999', '01:30:00.5+02', '01:30:00-05:30',
   '2024-02-29 12:34:56.789012', '2024-02-29 12:34:56', '1969-12-31 23:59:59.999', '1969-12-31 23:59:59.9999',
   '2024-02-29 12:34:56.78+02', '2024-02-29 12:34:56+02', '2024-02-29 12:34:56.123+02', '1 year 2 mons -3 days 04:05:06.789', '1 hour 5 minutes'),
  (2, '0044-03-15 BC', '00:00:00', '00:00:00', '00:00:00', '00:00:00', '00:00:00+00', '00:00:00+00',
   '0044-03-15 00:00:00 BC', '10000-01-01 00:00:00', '10000-01-01 00:00:00', '10000-01-01 00:00:00',
   '0044-03-15 00:00:00+00 BC', '10000-01-01 00:00:00+00', '1969-12-31 23:59:59.999+00', '-00:00:00.5', '-00:01'),
  (3, '9999-12-31', '24:00:00', '24:00:00', '24:00:00', '24:00:00', '24:00:00+00', '23:59:59.9999+15:59',
   '1970-01-01 00:00:00', '1970-01-01 00:00:00', '1970-01-01 00:00:00', '1970-01-01 00:00:00',
   '1970-01-01 00:00:00+00', '1970-01-01 00:00:00.5+00', '1970-01-01 00:00:00.5+00', '178 years', '0'),
  (5, 'infinity', NULL, NULL, NULL, NULL, NULL, NULL, 'infinity', 'infinity', 'infinity', 'infinity', 'infinity', 'infinity', 'infinity', NULL, NULL),
  (6, '-infinity', NULL, NULL, NULL, NULL, NULL, NULL, '-infinity', '-infinity', '-infinity', '-infinity', '-infinity', '-infinity', '-infinity', NULL, NULL);
INSERT INTO times (id) VALUES (4);

CREATE TABLE arrays (
  id integer PRIMARY KEY,
  flags boolean[], smalls smallint[], wholes integer[], larges bigint[], singles real[], doubles double precision[],
  exacts numeric(6,2)[], bares numeric[], texts text[], varchars varchar(5)[], chars char(3)[], names name[], citexts citext[],
  dates date[], times time[], times3 time(3)[], timetzs timetz[], stamps timestamp[], stamps3 timestamp(3)[], zoneds timestamptz[], intervals interval[],
  uuids uuid[], jsons json[], jsonbs jsonb[], byteas bytea[], moods mood[], inets inet[], cidrs cidr[], macs macaddr[], oids oid[],
  ranges int4range[], tags_ tags
);
INSERT INTO arrays VALUES
  (1, '{t,f,NULL}', '{1,NULL}', '{1,NULL,3}', '{9223372036854775807}', '{1.5}', '{-0.1}',
   '{1,2.5}', '{1,2.50}', '{"a,b","c\"d\\",NULL,"NULL",""}', '{a}', '{a}', '{a}', '{A}',
   '{2024-02-29}', '{23:59:59.999999}', '{23:59:59.999}', '{01:30:00+02}', '{"2024-02-29 12:34:56.789012"}', '{"2024-02-29 12:34:56.789"}', '{"2024-01-01 00:00:00+00"}', '{"1 day"}',
   '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}', '{"{\"a\": 1}"}', '{"{\"a\": 1}"}', '{"\\x01ff"}', '{ok,sad,"very happy"}', '{192.168.0.1}', '{10.0.0.0/8}', '{08:00:2b:01:02:03}', '{1}',
   '{"[1,5)"}', '{a,b}'),
  (2, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}');
INSERT INTO arrays (id) VALUES (3);

CREATE TABLE others (
  id integer PRIMARY KEY,
  p point, l line, ls lseg, bx box, pa path, po polygon, ci circle,
  lsn pg_lsn, tid_ tid, x32 xid, x64 xid8, rc regclass, rt regtype,
  mr int4multirange, mz tstzmultirange, dims integer[][], moodless mood[]
);
INSERT INTO others VALUES
  (1, '(1.5,-2)', '{1,2,3}', '[(0,0),(1,1)]', '(1,1),(0,0)', '[(0,0),(1,1)]', '((0,0),(1,1),(1,0))', '<(0,0),1>',
   '16/B374D848', '(1,2)', '7', '8', 'numbers', 'integer', '{[1,3),[5,7)}', '{}', '{{1,2},{3,4}}', '{}');
INSERT INTO others (id) VALUES (2);

CREATE TABLE defaults (
  id serial PRIMARY KEY,
  b boolean DEFAULT true, b_required boolean NOT NULL DEFAULT false,
  s smallint DEFAULT -7, w integer DEFAULT 42, w_required integer NOT NULL DEFAULT 42, w_sum integer DEFAULT 40 + 2, l bigint DEFAULT 9223372036854775807,
  f4 real DEFAULT 1.5, f8 double precision DEFAULT -2.5, f_nan double precision DEFAULT 'NaN',
  n numeric(10,2) DEFAULT 1.5, n_required numeric(10,2) NOT NULL DEFAULT -12.34, n_bare numeric DEFAULT 3.14, m money DEFAULT 5,
  t text DEFAULT 'it''s ''quoted''', t_required text NOT NULL DEFAULT '', t_upper text DEFAULT upper('a'), t_user text DEFAULT CURRENT_USER, v varchar(10) DEFAULT 'v', c char(3) DEFAULT 'c',
  t_null text DEFAULT NULL, t_cast text DEFAULT 'x'::varchar,
  by bytea DEFAULT '\x01ff', u uuid DEFAULT 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', u_random uuid DEFAULT gen_random_uuid(),
  j json DEFAULT '{"a": 1}', jb jsonb NOT NULL DEFAULT '{"a":1}', x xml DEFAULT '<a/>', e mood DEFAULT 'ok', e_required mood NOT NULL DEFAULT 'sad',
  d date DEFAULT '2024-02-29', d_today date DEFAULT CURRENT_DATE, d_required date NOT NULL DEFAULT CURRENT_DATE,
  ti time DEFAULT '12:34:56.789012', tiz timetz DEFAULT '12:34:56+02', ts timestamp DEFAULT '2024-02-29 12:34:56', ts3 timestamp(3) DEFAULT '2024-02-29 12:34:56', ts_now timestamp DEFAULT now(), ts_required timestamp NOT NULL DEFAULT now(),
  z timestamptz DEFAULT '2024-02-29 12:34:56+02', z_now timestamptz DEFAULT now(), z_required timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
  i interval DEFAULT '1 day 00:00:01',
  bi bit DEFAULT '1', bits bit(3) DEFAULT '101', vb varbit DEFAULT '11',
  ar integer[] DEFAULT '{1,2}', ar_empty text[] NOT NULL DEFAULT '{}', ar_array text[] DEFAULT ARRAY['a','b'],
  dom positive DEFAULT 5, dom_price price DEFAULT 9.5, ine inet DEFAULT '127.0.0.1', ci citext DEFAULT 'C', r int4range DEFAULT '[1,2)',
  ident bigint GENERATED BY DEFAULT AS IDENTITY
);
INSERT INTO defaults DEFAULT VALUES;

CREATE TABLE keyless (a integer, b text NOT NULL, c numeric(6,2));
ALTER TABLE keyless REPLICA IDENTITY FULL;
INSERT INTO keyless VALUES (1, 'one', 1.5), (1, 'one', 1.5), (NULL, '', NULL);

CREATE TABLE composite (b integer, a text, v text, PRIMARY KEY (a, b));
INSERT INTO composite VALUES (1, 'x', 'first'), (2, 'x', 'second');

CREATE TABLE full_identity (id integer PRIMARY KEY, v text, big text);
ALTER TABLE full_identity REPLICA IDENTITY FULL;
INSERT INTO full_identity VALUES (1, 'a', NULL);

CREATE TABLE by_index (id integer PRIMARY KEY, code text NOT NULL, v text);
CREATE UNIQUE INDEX by_index_code ON by_index (code);
ALTER TABLE by_index REPLICA IDENTITY USING INDEX by_index_code;
INSERT INTO by_index VALUES (1, 'a', 'v');

CREATE TABLE unique_only (code text NOT NULL UNIQUE, v text);
ALTER TABLE unique_only REPLICA IDENTITY FULL;
INSERT INTO unique_only VALUES ('a', 'v');

CREATE TABLE toasted (id integer PRIMARY KEY, n integer, t text, t_required text NOT NULL, b bytea, j jsonb, a text[], w integer[]);
ALTER TABLE toasted ALTER t SET STORAGE EXTERNAL, ALTER t_required SET STORAGE EXTERNAL, ALTER b SET STORAGE EXTERNAL, ALTER j SET STORAGE EXTERNAL, ALTER a SET STORAGE EXTERNAL, ALTER w SET STORAGE EXTERNAL;
INSERT INTO toasted SELECT 1, 1, repeat('x', 10000), repeat('y', 10000), decode(repeat('ab', 10000), 'hex'), to_jsonb(repeat('j', 10000)), ARRAY[repeat('a', 10000)], array_agg(i) FROM generate_series(1, 5000) i;

CREATE SCHEMA "Odd-Schema";
CREATE TABLE "Odd-Schema"."Ta.b le" ("Id" integer PRIMARY KEY, "we-ird col" text, "1st" integer, "ünï" integer);
INSERT INTO "Odd-Schema"."Ta.b le" VALUES (1, 'x', 1, 2);

CREATE TABLE changing (id integer PRIMARY KEY, a text);
INSERT INTO changing VALUES (1, 'a');

CREATE TABLE empty (id integer PRIMARY KEY);

CREATE TABLE parted (id integer, region text, v text, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE parted_eu PARTITION OF parted FOR VALUES IN ('eu');
CREATE TABLE parted_us PARTITION OF parted FOR VALUES IN ('us');
INSERT INTO parted VALUES (1, 'eu', 'v'), (2, 'us', 'v');

CREATE TABLE generated (id integer PRIMARY KEY, a integer, twice integer GENERATED ALWAYS AS (a * 2) STORED);
INSERT INTO generated VALUES (1, 2);

CREATE TABLE barrier (id integer PRIMARY KEY);
