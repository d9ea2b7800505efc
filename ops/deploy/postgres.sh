#!/bin/sh
# Runs once, when the database is made, after the ERP's tables: the role that
# sluice reads with, and what it may read.
set -eu
psql -v ON_ERROR_STOP=1 -v password="$SLUICE_PASSWORD" -U "$POSTGRES_USER" -d "$POSTGRES_DB" <<'SQL'
CREATE ROLE sluice LOGIN REPLICATION PASSWORD :'password';
GRANT SELECT ON ALL TABLES IN SCHEMA public TO sluice;
CREATE PUBLICATION sluice_erp FOR TABLE public.customers, public.orders, public.invoices;
SQL
