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
  b bytea, u uuid, j json, jb jsonb, x xml, m mood,
  i inet, ci_ cidr, mac macaddr, mac8 macaddr8, ts tsvector,
  bit_ bit, bit1 bit(1), bit10 bit(10), bit64 bit(64), vb varbit(12), vb0 varbit,
  r4 int4range, r8 int8range, rn numrange, rd daterange, rt tsrange, rz tstzrange
);
INSERT INTO texts VALUES
  (1, 'snow ❄ "quoted"', 'a', 'b', 'a', 'c', 'x', 'a', 'CaSe', 'Top.Science', '\x00ff10', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
   '{"b": 1,  "a": 2}', '{"b": 1,  "a": 2}', '<a>1</a>', 'ok', '192.168.0.1/24', '10.0.0.0/8', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05', 'a b',
   '1', '0', '1000000001', B'1010101010101010101010101010101010101010101010101010101010101011', '101', '100000001',
   '[1,5)', '[1,5]', '(1.5,2.5)', '[2024-01-01,2024-02-01)', '[2024-01-01 00:00,2024-02-01 00:00)', '[2024-01-01 00:00+00,2024-02-01 00:00+00)'),
  (2, '', '', '', '', '', '', '', '', '', '', '00000000-0000-0000-0000-000000000000', 'null', 'null', '', 'sad', '::1', '::/0', '00:00:00:00:00:00', '00:00:00:00:00:00:00:00', '',
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
  (4, 'infinity', NULL, NULL, NULL, NULL, NULL, NULL, 'infinity', 'infinity', 'infinity', 'infinity', 'infinity', 'infinity', 'infinity', NULL, NULL),
  (5, '-infinity', NULL, NULL, NULL, NULL, NULL, NULL, '-infinity', '-infinity', '-infinity', '-infinity', '-infinity', '-infinity', '-infinity', NULL, NULL);
INSERT INTO times (id) VALUES (6);

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
  mr int4multirange, mz tstzmultirange, dims integer[][], moodless mood[], tq tsquery, hs hstore
);
INSERT INTO others VALUES
  (1, '(1.5,-2)', '{1,2,3}', '[(0,0),(1,1)]', '(1,1),(0,0)', '[(0,0),(1,1)]', '((0,0),(1,1),(1,0))', '<(0,0),1>',
   '16/B374D848', '(1,2)', '7', '8', 'numbers', 'integer', '{[1,3),[5,7)}', '{}', '{{1,2},{3,4}}', '{}', 'a & b', 'a=>1, "b c"=>NULL');
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

CREATE TABLE computed_defaults (
  id bigserial PRIMARY KEY,
  b boolean NOT NULL DEFAULT pg_is_in_recovery(), s smallint NOT NULL DEFAULT length('a'), w integer NOT NULL DEFAULT pg_backend_pid(), l bigint NOT NULL DEFAULT txid_current(),
  f4 real NOT NULL DEFAULT random(), f8 double precision NOT NULL DEFAULT random(), n numeric(10,2) NOT NULL DEFAULT random(),
  t text NOT NULL DEFAULT upper('a'), v varchar(10) NOT NULL DEFAULT lower('A'), c char(3) NOT NULL DEFAULT lower('A'), u uuid NOT NULL DEFAULT gen_random_uuid(),
  j json NOT NULL DEFAULT json_build_object(), jb jsonb NOT NULL DEFAULT jsonb_build_object(), x xml NOT NULL DEFAULT xmlcomment('a'), e mood NOT NULL DEFAULT enum_first(NULL::mood),
  d date NOT NULL DEFAULT now(), ti time NOT NULL DEFAULT LOCALTIME, ti3 time(3) NOT NULL DEFAULT LOCALTIME, ts timestamp NOT NULL DEFAULT LOCALTIMESTAMP, ts_utc timestamp NOT NULL DEFAULT timezone('utc', now()), ts3 timestamp(3) NOT NULL DEFAULT now(),
  z timestamptz NOT NULL DEFAULT clock_timestamp(), z_later timestamptz NOT NULL DEFAULT now() + '1 day'::interval, z3 timestamptz(3) NOT NULL DEFAULT now(),
  i interval NOT NULL DEFAULT make_interval(), bi bit NOT NULL DEFAULT 1::bit,
  t_concat text NOT NULL DEFAULT 'a' || 'b', t_escape text NOT NULL DEFAULT E'a\\b\nc', t_case text DEFAULT CASE WHEN true THEN 'a' END, t_long text DEFAULT 'a, b (c)', v_cut varchar(3) NOT NULL DEFAULT 'abc',
  w_neg integer NOT NULL DEFAULT -1, l_small bigint NOT NULL DEFAULT 1, n_whole numeric(10,2) NOT NULL DEFAULT 5, f_whole double precision NOT NULL DEFAULT 5, n_neg numeric(10,2) NOT NULL DEFAULT -5, f_exp double precision NOT NULL DEFAULT 1e10, n0 numeric(10) NOT NULL DEFAULT 0,
  o oid NOT NULL DEFAULT 7, one "char" NOT NULL DEFAULT 'x', na name NOT NULL DEFAULT 'n', d_required date NOT NULL DEFAULT '0001-01-01', d_inf date DEFAULT 'infinity', z_inf timestamptz DEFAULT 'infinity', ts_inf timestamp DEFAULT '-infinity', j_q json DEFAULT '{"a": "it''s"}', dom_made positive DEFAULT length('abc')
);
INSERT INTO computed_defaults DEFAULT VALUES;

CREATE TABLE required (
  id integer PRIMARY KEY,
  b boolean NOT NULL, s smallint NOT NULL, w integer NOT NULL, l bigint NOT NULL, f4 real NOT NULL, f8 double precision NOT NULL, n numeric(10,2) NOT NULL, bare numeric NOT NULL, m money NOT NULL,
  t text NOT NULL, v varchar(10) NOT NULL, c char(3) NOT NULL, by bytea NOT NULL, u uuid NOT NULL, j json NOT NULL, jb jsonb NOT NULL, x xml NOT NULL, e mood NOT NULL, ci citext NOT NULL, lt ltree NOT NULL, ts_ tsvector NOT NULL, ine inet NOT NULL,
  d date NOT NULL, ti time NOT NULL, ti3 time(3) NOT NULL, tiz timetz NOT NULL, ts timestamp NOT NULL, ts3 timestamp(3) NOT NULL, z timestamptz NOT NULL, z0 timestamptz(0) NOT NULL, i interval NOT NULL,
  bi bit NOT NULL, bits bit(3) NOT NULL, vb varbit NOT NULL, r int4range NOT NULL, wholes integer[] NOT NULL, texts text[] NOT NULL, moods mood[] NOT NULL, p price
);
INSERT INTO required VALUES (1, true, 1, 2, 3, 4, 5, 6, 7, 8, 't', 'v', 'c', '\x01', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '1', '2', '<a/>', 'ok', 'c', 'l', 'a', '::1',
  '2024-02-29', '12:00', '12:00', '12:00+00', '2024-02-29', '2024-02-29', '2024-02-29 00:00+00', '2024-02-29 00:00+00', '1 day', '1', '101', '11', '[1,2)', '{1}', '{a}', '{ok}', 9);

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

CREATE TABLE toasted (
  id integer PRIMARY KEY, n integer,
  t text, t_required text NOT NULL, v varchar, c char(9000), b bytea, b_required bytea NOT NULL, j jsonb, j_required json NOT NULL, x xml, ci citext, ts tsvector,
  bare numeric, exact numeric(1000,2), bits varbit,
  texts text[], wholes integer[], larges bigint[], smalls smallint[], exacts numeric(6,2)[], dates date[], uuids uuid[], doubles double precision[], flags boolean[], stamps timestamptz[], byteas bytea[]
);
DO $$ DECLARE c text; BEGIN
  FOR c IN SELECT attname FROM pg_attribute WHERE attrelid = 'toasted'::regclass AND attnum > 2 LOOP
    EXECUTE format('ALTER TABLE toasted ALTER %I SET STORAGE EXTERNAL', c);
  END LOOP;
END $$;
INSERT INTO toasted SELECT 1, 1, repeat('x', 9000), repeat('y', 9000), repeat('v', 9000), 'c', decode(repeat('ab', 9000), 'hex'), decode(repeat('cd', 9000), 'hex'),
  to_jsonb(repeat('j', 9000)), to_json(repeat('j', 9000)), ('<a>' || repeat('x', 9000) || '</a>')::xml, repeat('C', 9000), (SELECT string_agg('w' || i, ' ') FROM generate_series(1, 900) i)::tsvector,
  (repeat('7', 9000))::numeric, (repeat('7', 900))::numeric, repeat('1', 70000)::varbit,
  ARRAY[repeat('a', 9000)], array_fill(1, ARRAY[3000]), array_fill(3::bigint, ARRAY[3000]), array_fill(4::smallint, ARRAY[3000]), array_fill(5.25, ARRAY[3000]),
  array_fill('2024-02-29'::date, ARRAY[3000]), array_fill('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid, ARRAY[3000]), array_fill(1.5::double precision, ARRAY[3000]), array_fill(true, ARRAY[9000]),
  array_fill('2024-02-29 00:00:00+00'::timestamptz, ARRAY[3000]), ARRAY[decode(repeat('ab', 9000), 'hex')];

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

CREATE TABLE barrier (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
